import { useId } from "preact/hooks";
import type { Venue } from "../../api/venues";
import { setQuery } from "../../router";
import { NAMES } from "./query";

const EXCHANGES = ["citytrack.detections", "citytrack.images"];

interface TextProps {
  name: (typeof NAMES)[number];
  label: string;
  placeholder?: string;
}

const TEXTS: TextProps[] = [
  { name: "key", label: "Routing key", placeholder: "images.uploaded.*" },
  { name: "type", label: "Type" },
  { name: "image", label: "Picture", placeholder: "Id" },
];

/** What to look for; every change of it goes into the address at once. */
export function Filters({ params, venues }: { params: URLSearchParams; venues: Venue[] }) {
  const value = (name: string) => params.get(name) ?? "";
  const set = (name: string) => (event: { currentTarget: { value: string } }) =>
    setQuery({ [name]: event.currentTarget.value.trim() });
  const clear = () => setQuery(Object.fromEntries(NAMES.map((name) => [name, null])));
  const id = useId();
  const text = ({ name, label, placeholder }: TextProps) => (
    <div class={name === "image" ? "field wide" : "field"} key={name}>
      <label for={`${id}-${name}`}>{label}</label>
      <input
        id={`${id}-${name}`}
        type="search"
        autocomplete="off"
        autocapitalize="off"
        spellcheck={false}
        {...(placeholder && { placeholder })}
        value={value(name)}
        onChange={set(name)}
      />
    </div>
  );
  const moment = (name: "from" | "to", label: string) => (
    <div class="field wide">
      <label for={`${id}-${name}`}>{label}</label>
      <input id={`${id}-${name}`} type="datetime-local" value={value(name)} onChange={set(name)} />
    </div>
  );
  return (
    <form
      class="card filters journal-filters"
      role="search"
      aria-label="Messages"
      onSubmit={(event) => event.preventDefault()}
    >
      <div class="field">
        <label for={`${id}-venue`}>Venue</label>
        <select id={`${id}-venue`} value={value("venue")} onChange={set("venue")}>
          <option value="">All</option>
          {venues.map(({ slug, name }) => (
            <option key={slug} value={slug}>
              {name}
            </option>
          ))}
        </select>
      </div>
      <div class="field">
        <label for={`${id}-exchange`}>Exchange</label>
        <select id={`${id}-exchange`} value={value("exchange")} onChange={set("exchange")}>
          <option value="">All</option>
          {EXCHANGES.map((name) => (
            <option key={name} value={name}>
              {name}
            </option>
          ))}
        </select>
      </div>
      {TEXTS.map(text)}
      {moment("from", "From")}
      {moment("to", "Until")}
      {NAMES.some(value) && (
        <button type="button" class="quiet" onClick={clear}>
          Clear the filters
        </button>
      )}
    </form>
  );
}
