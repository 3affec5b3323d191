import { useEffect, useId, useRef, useState } from "preact/hooks";
import { plural } from "../format";
import "./multi-choice.css";

interface Props {
  label: string;
  /** What stands there when nothing is chosen: "All cameras". */
  all: string;
  /** "camera", for "2 cameras"; `many` where it is more than an s. */
  one: string;
  many?: string;
  options: [value: string, label: string][];
  chosen: string[];
  onChange: (chosen: string[]) => void;
  disabled?: boolean;
}

/** With more options than this there is a field to search them. */
const SEARCHED_FROM = 9;

/** Several out of many: a button that opens a list of boxes to tick. Nothing ticked means all. */
export function MultiChoice({ label, all, one, many, options, chosen, onChange, disabled = false }: Props) {
  const [isOpen, setOpen] = useState(false);
  const [search, setSearch] = useState("");
  const root = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  const id = useId();
  useClosing(root, isOpen, () => setOpen(false));

  // What was chosen stays to be seen, even if it is not offered any more.
  const missing = chosen.filter((value) => !options.some(([option]) => option === value));
  const offered = [...missing.map((value): [string, string] => [value, value]), ...options];
  const found = offered.filter(([, text]) => text.toLowerCase().includes(search.trim().toLowerCase()));
  const toggle = (value: string, isTicked: boolean) =>
    onChange(isTicked ? [...chosen, value] : chosen.filter((other) => other !== value));
  return (
    <div
      class="field multi"
      ref={root}
      onKeyDown={(event) => {
        if (event.key !== "Escape" || !isOpen) return;
        setOpen(false);
        button.current?.focus();
      }}
    >
      <span class="legend-text" id={`${id}-label`}>
        {label}
      </span>
      <button
        ref={button}
        type="button"
        id={`${id}-button`}
        class="multi-button"
        aria-expanded={isOpen}
        aria-controls={`${id}-list`}
        aria-labelledby={`${id}-label ${id}-button`}
        disabled={disabled}
        onClick={() => setOpen(!isOpen)}
      >
        {summary(chosen, offered, all, one, many)}
      </button>
      <div class="multi-list" id={`${id}-list`} hidden={!isOpen} role="group" aria-labelledby={`${id}-label`}>
        {offered.length >= SEARCHED_FROM && (
          <input
            type="search"
            placeholder="Search"
            aria-label={`Search: ${label}`}
            value={search}
            onInput={(event) => setSearch(event.currentTarget.value)}
          />
        )}
        <button
          type="button"
          class="quiet small"
          aria-disabled={chosen.length === 0}
          onClick={() => onChange([])}
        >
          {all}
        </button>
        {found.map(([value, text]) => (
          <label key={value} class="check">
            <input
              type="checkbox"
              checked={chosen.includes(value)}
              onChange={(event) => toggle(value, event.currentTarget.checked)}
            />
            <span>{text}</span>
          </label>
        ))}
        {found.length === 0 && <p class="help">Nothing fits.</p>}
      </div>
    </div>
  );
}

function summary(
  chosen: string[],
  offered: [string, string][],
  all: string,
  one: string,
  many?: string,
): string {
  if (chosen.length === 0) return all;
  if (chosen.length > 1) return plural(chosen.length, one, many);
  return offered.find(([value]) => value === chosen[0])?.[1] ?? chosen[0] ?? all;
}

/** Closes when somebody turns to another part of the page. */
function useClosing(root: { current: HTMLElement | null }, isOpen: boolean, close: () => void): void {
  useEffect(() => {
    if (!isOpen) return;
    const leave = (event: Event) => {
      if (event.target instanceof Node && !root.current?.contains(event.target)) close();
    };
    document.addEventListener("pointerdown", leave);
    document.addEventListener("focusin", leave);
    return () => {
      document.removeEventListener("pointerdown", leave);
      document.removeEventListener("focusin", leave);
    };
  }, [isOpen]);
}
