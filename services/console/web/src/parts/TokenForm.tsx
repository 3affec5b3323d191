import { useId, useState } from "preact/hooks";
import { keepToken, tokenExpiry, tokenIn } from "../session/viewerLink";

/** Asks for a viewer link or token, and keeps it for this tab. */
export function TokenForm({ onToken }: { onToken: () => void }) {
  const id = useId();
  const [problem, setProblem] = useState<string>();

  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const text = String(new FormData(event.currentTarget as HTMLFormElement).get("link") ?? "");
    const token = tokenIn(text);
    const found = token ? problemWith(token) : "This is not a viewer link. One looks like …/live#token=eyJ…";
    setProblem(found);
    if (!token || found) return;
    keepToken(token);
    onToken();
  };

  return (
    <form class="token-form" onSubmit={submit} noValidate>
      <label for={id}>Viewer link or token</label>
      <div class="field-row">
        <input
          id={id}
          name="link"
          type="text"
          autocomplete="off"
          autocapitalize="off"
          spellcheck={false}
          placeholder="…/live#token=eyJ…"
          aria-invalid={problem ? true : undefined}
          aria-describedby={`${id}-help`}
        />
        <button type="submit">Open</button>
      </div>
      <p id={`${id}-help`} class={problem ? "help bad" : "help"} aria-live="polite">
        {problem ?? "It stays in this tab and is forgotten when you close it."}
      </p>
    </form>
  );
}

function problemWith(token: string): string | undefined {
  const expiry = tokenExpiry(token);
  if (expiry === undefined) return "This is not a viewer token: it does not say when it ends.";
  return expiry <= Date.now()
    ? "This viewer link has expired. Ask your administrator for a new one."
    : undefined;
}
