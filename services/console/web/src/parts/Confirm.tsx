import type { ComponentChildren } from "preact";
import { useAction } from "../useAction";
import { Dialog } from "./Dialog";
import { Notice } from "./Notice";

interface Props {
  /** A question: "Revoke the token “import”?" */
  title: string;
  /** What the button says, a verb: "Revoke". */
  action: string;
  /** Does it; what it throws is shown. */
  onConfirm: () => Promise<unknown>;
  onClose: () => void;
  /** Can be undone at any time: the button does not warn. */
  isHarmless?: boolean;
  /** What will happen, and whether it can be undone. */
  children: ComponentChildren;
}

/** Asks before something that cannot simply be undone. */
export function Confirm({ title, action, onConfirm, onClose, isHarmless = false, children }: Props) {
  const act = useAction(async () => {
    await onConfirm();
    onClose();
  });
  return (
    <Dialog title={title} onClose={onClose}>
      <div class="prose">{children}</div>
      {act.error && <Notice kind="bad">{act.error.message}</Notice>}
      <div class="form-actions">
        <button
          type="button"
          class={isHarmless ? undefined : "danger"}
          onClick={() => act.run()}
          aria-disabled={act.busy}
        >
          {action}
        </button>
        <button type="button" class="quiet" onClick={onClose}>
          Cancel
        </button>
      </div>
    </Dialog>
  );
}
