import { useEffect, useRef, useState } from "preact/hooks";
import { Icon } from "../../parts/Icon";

/** Takes files: chosen with a button, or dropped anywhere on the page. */
export function DropZone({ onFiles }: { onFiles: (files: File[]) => void }) {
  const isOver = useDrop(onFiles);
  return (
    <label class={isOver ? "drop over" : "drop"}>
      <Icon name="up" />
      <strong>{isOver ? "Let go to send them" : "Drop pictures here, or choose some"}</strong>
      <span class="help">JPEG, PNG or WebP. They are sent at once.</span>
      <input
        type="file"
        class="drop-input"
        accept="image/*"
        multiple
        aria-label="Choose pictures"
        onChange={(event) => {
          onFiles([...(event.currentTarget.files ?? [])]);
          // So that the same file can be chosen again.
          event.currentTarget.value = "";
        }}
      />
    </label>
  );
}

/** Whether files are held over the page. Without this a browser would leave the page for a file that misses the zone. */
function useDrop(onFiles: (files: File[]) => void): boolean {
  const [isOver, setOver] = useState(false);
  const latest = useRef(onFiles);
  latest.current = onFiles;
  useEffect(() => {
    const over = (event: DragEvent) => {
      if (!event.dataTransfer?.types.includes("Files")) return;
      event.preventDefault();
      setOver(true);
    };
    const leave = (event: DragEvent) => {
      // Left for another element: still over the page.
      if (!event.relatedTarget) setOver(false);
    };
    const drop = (event: DragEvent) => {
      setOver(false);
      if (!event.dataTransfer?.types.includes("Files")) return;
      event.preventDefault();
      latest.current([...event.dataTransfer.files]);
    };
    addEventListener("dragover", over);
    addEventListener("dragleave", leave);
    addEventListener("drop", drop);
    return () => {
      removeEventListener("dragover", over);
      removeEventListener("dragleave", leave);
      removeEventListener("drop", drop);
    };
  }, []);
  return isOver;
}
