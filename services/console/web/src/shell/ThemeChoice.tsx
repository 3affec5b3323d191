import { useId, useState } from "preact/hooks";
import { Icon, type IconName } from "../parts/Icon";
import { chooseTheme, chosenTheme, type ThemeChoice as Choice } from "../theme";

const CHOICES: [Choice, string, IconName][] = [
  ["light", "Light", "sun"],
  ["dark", "Dark", "moon"],
  ["system", "Like the system", "screen"],
];

/** Light, dark, or like the system: three buttons of which one is chosen. */
export function ThemeChoice({ compact = false }: { compact?: boolean }) {
  const name = useId();
  const [chosen, setChosen] = useState(chosenTheme);
  const choose = (choice: Choice) => {
    chooseTheme(choice);
    setChosen(choice);
  };
  return (
    <fieldset class={compact ? "theme-choice compact" : "theme-choice"}>
      <legend class="visually-hidden">Theme</legend>
      {CHOICES.map(([choice, label, icon]) => (
        <label key={choice} title={label}>
          <input
            type="radio"
            class="visually-hidden"
            name={name}
            value={choice}
            checked={choice === chosen}
            onChange={() => choose(choice)}
          />
          <Icon name={icon} />
          <span class="visually-hidden">{label}</span>
        </label>
      ))}
    </fieldset>
  );
}
