import { Copyable } from "./CopyButton";
import { Notice } from "./Notice";

/** A secret that was just made, and the warning that goes with it. */
export function ShownOnce({ name, label, text }: { name: string; label: string; text: string }) {
  return (
    <>
      <Notice kind="warn" title="Copy it now">
        <p>It is never shown again. Keep it like a password.</p>
      </Notice>
      <Copyable name={name} label={label} text={text} />
    </>
  );
}
