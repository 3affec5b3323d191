import { createContext, type ComponentChildren } from "preact";
import { useContext, useEffect, useId, useLayoutEffect, useMemo, useRef } from "preact/hooks";
import type { ApiError, Violation } from "../api/client";
import { sentence } from "../api/client";
import { useAction } from "../useAction";
import { Notice } from "./Notice";

interface FormState {
  violations: Violation[];
  /** Fields say which pointers they show, so that the form shows the rest. */
  shown: Set<string>;
}

const FormContext = createContext<FormState>({ violations: [], shown: new Set() });

interface Props {
  /** Does what the form is for. What it throws is shown: violations at their fields, the rest above the buttons. */
  action: (data: FormData) => Promise<unknown>;
  /** What the button says: a verb. */
  submit: string;
  busyText?: string;
  onCancel?: () => void;
  /** What is said about an error, where there is more to say than the server does. */
  explain?: (error: ApiError) => ComponentChildren;
  children: ComponentChildren;
  class?: string;
}

export function Form({
  action,
  submit,
  busyText = "One moment …",
  onCancel,
  explain,
  children,
  class: more,
}: Props) {
  const form = useRef<HTMLFormElement>(null);
  const act = useAction(action);
  const shown = useRef(new Set<string>()).current;
  const state = useMemo(() => ({ violations: act.error?.violations ?? [], shown }), [act.error, shown]);
  const rest = act.error && !act.busy ? <Rest error={act.error} state={state} explain={explain} /> : null;

  useEffect(() => {
    if (act.error) form.current?.querySelector<HTMLElement>("[aria-invalid=true]")?.focus();
  }, [act.error]);

  const onSubmit = (event: SubmitEvent) => {
    event.preventDefault();
    void act.run(new FormData(event.currentTarget as HTMLFormElement));
  };
  return (
    <form ref={form} class={more ? `form ${more}` : "form"} onSubmit={onSubmit} aria-busy={act.busy}>
      <FormContext.Provider value={state}>
        {children}
        {rest}
      </FormContext.Provider>
      <div class="form-actions">
        {/* Not disabled while busy: that would take the focus away. */}
        <button type="submit" aria-disabled={act.busy}>
          {act.busy ? busyText : submit}
        </button>
        {onCancel && (
          <button type="button" class="quiet" onClick={onCancel}>
            Cancel
          </button>
        )}
      </div>
    </form>
  );
}

/** What is wrong and belongs to no field. */
function Rest({ error, state, explain }: { error: ApiError; state: FormState; explain: Props["explain"] }) {
  const rest = state.violations.filter(
    ({ pointer }) => ![...state.shown].some((shown) => covers(shown, pointer)),
  );
  if (state.violations.length > 0 && rest.length === 0) return null;
  return (
    <Notice kind="bad">
      {rest.length > 0 ? (
        rest.map(({ pointer, message }) => (
          <p key={pointer + message}>
            {pointer.slice(1)} {message}.
          </p>
        ))
      ) : (
        <p>{explain?.(error) ?? error.message}</p>
      )}
    </Notice>
  );
}

const covers = (shown: string, pointer: string) => pointer === shown || pointer.startsWith(`${shown}/`);

/** What the control of a field must be given. */
export interface Control {
  id: string;
  "aria-describedby": string | undefined;
  "aria-invalid": true | undefined;
}

interface FieldProps {
  label: ComponentChildren;
  help?: ComponentChildren;
  /** JSON pointer of what the field is about, in the body that is sent: its violations are shown here. */
  pointer?: string | undefined;
  /** Something that is wrong and that the server was not asked about. */
  problem?: string | undefined;
  children: (control: Control) => ComponentChildren;
}

/** A label, a control, and beneath it help or what is wrong. */
export function Field({ label, help, pointer, problem, children }: FieldProps) {
  const id = useId();
  const violated = useViolations(pointer);
  const wrong = problem ?? violated;
  const described = wrong || help ? `${id}-help` : undefined;
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {children({ id, "aria-describedby": described, "aria-invalid": wrong ? true : undefined })}
      {wrong ? (
        <p id={described} class="help bad" role="alert">
          {wrong}
        </p>
      ) : (
        help && (
          <p id={described} class="help">
            {help}
          </p>
        )
      )}
    </div>
  );
}

/** What is wrong with what `pointer` points to, as a sentence. For groups of controls; `Field` does it by itself. */
export function useViolations(pointer: string | undefined): string | undefined {
  const { violations, shown } = useContext(FormContext);
  useLayoutEffect(() => {
    if (pointer === undefined) return;
    shown.add(pointer);
    return () => {
      shown.delete(pointer);
    };
  }, [shown, pointer]);
  const found =
    pointer === undefined ? [] : violations.filter((violation) => covers(pointer, violation.pointer));
  return found.length > 0 ? found.map(({ message }) => sentence(message)).join(" ") : undefined;
}

interface TextFieldProps {
  name: string;
  label: ComponentChildren;
  help?: ComponentChildren;
  pointer?: string;
  problem?: string | undefined;
  type?: "text" | "password" | "search" | "date" | "datetime-local" | "number";
  value?: string;
  onInput?: (value: string) => void;
  autocomplete?: string;
  required?: boolean;
  minLength?: number;
  maxLength?: number;
  pattern?: string;
  placeholder?: string;
  autoFocus?: boolean;
  /** Slugs and names: nothing that a keyboard should correct. */
  code?: boolean;
}

/** A field with a line of text. Its pointer is `/name` unless it says otherwise. */
export function TextField({
  label,
  help,
  pointer,
  problem,
  value,
  onInput,
  code,
  autoFocus,
  ...input
}: TextFieldProps) {
  const control = useRef<HTMLInputElement>(null);
  useEffect(() => {
    if (autoFocus) control.current?.focus();
  }, [autoFocus]);
  return (
    <Field label={label} help={help} pointer={pointer ?? `/${input.name}`} problem={problem}>
      {(given) => (
        <input
          {...given}
          {...(input as Omit<typeof input, "type">)}
          ref={control}
          // Which of them it is makes no difference to the other attributes, but the types have one set for each.
          type={(input.type ?? "text") as "text"}
          {...(onInput
            ? { value, onInput: (event) => onInput(event.currentTarget.value) }
            : { defaultValue: value })}
          {...(code && { autocapitalize: "off", spellcheck: false, class: "mono" })}
        />
      )}
    </Field>
  );
}

interface SelectFieldProps {
  name: string;
  label: ComponentChildren;
  help?: ComponentChildren;
  pointer?: string;
  value?: string | undefined;
  onChange?: (value: string) => void;
  options: [value: string, label: string][];
}

export function SelectField({ label, help, pointer, value, onChange, options, name }: SelectFieldProps) {
  return (
    <Field label={label} help={help} pointer={pointer ?? `/${name}`}>
      {(given) => (
        <select
          {...given}
          name={name}
          {...(onChange
            ? { value: value ?? "", onChange: (event) => onChange(event.currentTarget.value) }
            : {})}
        >
          {options.map(([option, text]) => (
            <option key={option} value={option} selected={onChange ? undefined : option === value}>
              {text}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}

/** The text of a field, without the space around it. */
export const textOf = (data: FormData, name: string): string => String(data.get(name) ?? "").trim();
