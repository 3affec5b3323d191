import { useEffect, useState } from "preact/hooks";

export type ThemeChoice = "light" | "dark" | "system";

const KEY = "citytrack.theme";

export function chosenTheme(): ThemeChoice {
  try {
    const kept = localStorage.getItem(KEY);
    return kept === "light" || kept === "dark" ? kept : "system";
  } catch {
    return "system";
  }
}

/** Keeps the choice, and lets `/theme.js` apply it. */
export function chooseTheme(choice: ThemeChoice): void {
  try {
    if (choice === "system") localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, choice);
  } catch {
    // Storage is refused by the browser's settings: the theme stays that of the system.
  }
  dispatchEvent(new Event("citytrack:theme-choice"));
}

/** Calls `listener` when the colours have changed: whatever is drawn on a canvas must be drawn anew. Returns what ends that. */
export function onThemeChange(listener: () => void): () => void {
  addEventListener("citytrack:theme", listener);
  return () => removeEventListener("citytrack:theme", listener);
}

/** "light" or "dark", as it is shown. */
export function useTheme(): string {
  const read = () => document.documentElement.dataset.theme ?? "light";
  const [theme, setTheme] = useState(read);
  useEffect(() => onThemeChange(() => setTheme(read())), []);
  return theme;
}
