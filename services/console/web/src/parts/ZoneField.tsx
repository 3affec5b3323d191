import { useId, useMemo, useState } from "preact/hooks";
import { dateTime, zoneName } from "../format";
import { useNow } from "../useNow";
import { Field } from "./Form";

/** A field for a time zone: type a part of the name, or choose. Says what time it is there. */
export function ZoneField({ name, value }: { name: string; value: string }) {
  const list = useId();
  const [text, setText] = useState(value);
  const zones = useMemo(knownZones, []);
  const isKnown = isZone(text.trim());
  return (
    <Field
      label="Time zone"
      pointer={`/${name}`}
      help={
        isKnown ? <TimeThere zone={text.trim()} /> : "Type a part of its name, such as Berlin or Auckland."
      }
    >
      {(control) => (
        <>
          <input
            {...control}
            name={name}
            list={list}
            value={text}
            onInput={(event) => setText(event.currentTarget.value)}
            autocomplete="off"
            spellcheck={false}
            required
          />
          <datalist id={list}>
            {zones.map((zone) => (
              <option key={zone} value={zone} />
            ))}
          </datalist>
        </>
      )}
    </Field>
  );
}

function TimeThere({ zone }: { zone: string }) {
  const now = useNow(10_000);
  return (
    <>
      There it is {dateTime(now, zone).slice(0, -3)}, {zoneName(now, zone)}. Days and hours are counted in it.
    </>
  );
}

/** Browsers list some zones under the names of long ago only (Asia/Calcutta), but know the present ones, too. */
const RENAMED = [
  "Africa/Asmara",
  "America/Nuuk",
  "Asia/Ho_Chi_Minh",
  "Asia/Kathmandu",
  "Asia/Kolkata",
  "Asia/Yangon",
  "Atlantic/Faroe",
  "Europe/Kyiv",
  "Pacific/Chuuk",
  "Pacific/Kanton",
  "Pacific/Pohnpei",
  "UTC",
];

function knownZones(): string[] {
  const zones = new Set([...Intl.supportedValuesOf("timeZone"), ...RENAMED.filter(isZone)]);
  return [...zones].sort();
}

function isZone(name: string): boolean {
  try {
    return name !== "" && Boolean(new Intl.DateTimeFormat("en", { timeZone: name }));
  } catch {
    return false;
  }
}
