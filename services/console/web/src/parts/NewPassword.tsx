import { useState } from "preact/hooks";
import { generatePassword } from "../password";
import { CopyButton } from "./CopyButton";
import { Field } from "./Form";

interface Props {
  name: string;
  label: string;
  help?: string;
  pointer?: string;
  /** Set by an administrator, who has to pass it on: it can be made up here, and is seen. */
  forSomebodyElse?: boolean;
}

/** A field for a password that is new. */
export function NewPassword({ name, label, help, pointer, forSomebodyElse = false }: Props) {
  const [value, setValue] = useState("");
  const [isShown, setShown] = useState(false);
  const generate = () => {
    setValue(generatePassword());
    setShown(true);
  };
  return (
    <Field
      label={label}
      help={help ?? "At least 12 characters. A few words do well."}
      pointer={pointer ?? `/${name}`}
    >
      {(control) => (
        <div class="new-password">
          <input
            {...control}
            name={name}
            type={isShown ? ("text" as "password") : "password"}
            class="mono"
            autocomplete="new-password"
            spellcheck={false}
            autocapitalize="off"
            required
            value={value}
            onInput={(event) => setValue(event.currentTarget.value)}
          />
          <div class="actions">
            <button
              type="button"
              class="quiet small"
              aria-pressed={isShown}
              onClick={() => setShown(!isShown)}
            >
              {isShown ? "Hide" : "Show"}
            </button>
            {forSomebodyElse && (
              <button type="button" class="quiet small" onClick={generate}>
                Make one up
              </button>
            )}
            {forSomebodyElse && value && <CopyButton text={value} />}
          </div>
        </div>
      )}
    </Field>
  );
}
