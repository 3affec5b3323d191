import type { ComponentChildren } from "preact";
import { useId, useLayoutEffect, useRef } from "preact/hooks";
import { Icon } from "./Icon";

interface Props {
  title: string;
  /** Escape, the cross, and what is inside ask for it. */
  onClose: () => void;
  wide?: boolean;
  children: ComponentChildren;
}

/**
 * A modal dialog that is open for as long as it is on the page. The browser keeps the focus inside, and puts it back to where
 * it was afterwards.
 */
export function Dialog({ title, onClose, wide = false, children }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();

  useLayoutEffect(() => {
    const element = dialog.current;
    element?.showModal();
    return () => element?.close();
  }, []);

  return (
    <dialog
      ref={dialog}
      class={wide ? "dialog wide" : "dialog"}
      aria-labelledby={id}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
    >
      <header class="dialog-head">
        <h2 id={id}>{title}</h2>
        <button type="button" class="icon-button" onClick={onClose}>
          <Icon name="close" />
          <span class="visually-hidden">Close</span>
        </button>
      </header>
      <div class="dialog-body">{children}</div>
    </dialog>
  );
}

/** The last row of a dialog that only tells something. */
export function DialogDone({ onClose }: { onClose: () => void }) {
  return (
    <div class="form-actions">
      <button type="button" onClick={onClose}>
        Done
      </button>
    </div>
  );
}
