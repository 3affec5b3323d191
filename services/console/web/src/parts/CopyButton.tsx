import { useEffect, useState } from "preact/hooks";
import { Icon } from "./Icon";

const SHOWN_MS = 2_500;

/** Copies a text to the clipboard, and says that it did. */
export function CopyButton({ text, label = "Copy" }: { text: string; label?: string }) {
  const [answer, setAnswer] = useState<"copied" | "refused">();
  useEffect(() => {
    if (!answer) return;
    const timer = setTimeout(() => setAnswer(undefined), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [answer]);
  const copy = async (event: MouseEvent) => {
    const button = event.currentTarget as HTMLElement;
    setAnswer((await copied(text, button)) ? "copied" : "refused");
  };
  return (
    <button type="button" class="quiet copy" onClick={copy}>
      <Icon name={answer === "copied" ? "check" : "copy"} />
      <span aria-live="polite">
        {answer === "copied" ? "Copied" : answer === "refused" ? "Select and copy it" : label}
      </span>
    </button>
  );
}

/** A text to be copied, with the button that does it; a long one is shown in one line that can be scrolled. */
export function Copyable({ text, label, name }: { text: string; label: string; name: string }) {
  return (
    <div class="copyable">
      <input
        class="mono"
        aria-label={name}
        readOnly
        value={text}
        onFocus={(event) => event.currentTarget.select()}
      />
      <CopyButton text={text} label={label} />
    </div>
  );
}

async function copied(text: string, beside: HTMLElement): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // Over plain HTTP there is no clipboard to write to: the old way.
    return copiedFromField(text, beside);
  }
}

function copiedFromField(text: string, beside: HTMLElement): boolean {
  const field = document.createElement("textarea");
  field.value = text;
  field.className = "visually-hidden";
  // Inside of the dialog, if there is one: outside of it nothing can be selected.
  beside.parentElement?.append(field);
  field.select();
  const done = document.execCommand("copy");
  field.remove();
  beside.focus();
  return done;
}
