import { Store, useStore } from "../store";
import { Icon } from "./Icon";

interface Toast {
  id: number;
  text: string;
  kind: "good" | "bad";
}

const SHOWN_MS = 6_000;

const store = new Store<Toast[]>([]);
let lastId = 0;

/** Says for a moment what was done. What a person must not miss belongs into the page. */
export function toast(text: string, kind: Toast["kind"] = "good"): void {
  const id = ++lastId;
  store.set([...store.value.slice(-2), { id, text, kind }]);
  setTimeout(() => dismiss(id), SHOWN_MS);
}

const dismiss = (id: number) => store.set(store.value.filter((candidate) => candidate.id !== id));

/** Where toasts appear; read out by screen readers. */
export function Toasts() {
  const toasts = useStore(store);
  return (
    <div class="toasts" role="status" aria-live="polite">
      {toasts.map(({ id, text, kind }) => (
        <p key={id} class={`toast ${kind}`}>
          <Icon name={kind === "good" ? "check" : "warn"} />
          <span>{text}</span>
          <button type="button" class="icon-button" onClick={() => dismiss(id)}>
            <Icon name="close" />
            <span class="visually-hidden">Dismiss</span>
          </button>
        </p>
      ))}
    </div>
  );
}
