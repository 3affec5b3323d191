import { useId } from "preact/hooks";
import type { Venue } from "../../api/venues";
import { setQuery } from "../../router";
import { SUBJECTS } from "./describe";

const NAMES = ["venue", "action", "actor", "from", "to"];

/** What to look for; every change of it goes into the address at once. */
export function Filters({ params, venues }: { params: URLSearchParams; venues: Venue[] }) {
  const value = (name: string) => params.get(name) ?? "";
  const set = (name: string) => (event: { currentTarget: { value: string } }) =>
    setQuery({ [name]: event.currentTarget.value.trim() });
  const clear = () => setQuery(Object.fromEntries(NAMES.map((name) => [name, null])));
  const id = useId();
  return (
    <form
      class="card filters"
      role="search"
      aria-label="Changes"
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
        <label for={`${id}-action`}>About</label>
        <select id={`${id}-action`} value={value("action")} onChange={set("action")}>
          <option value="">Everything</option>
          {SUBJECTS.map(([kind, label]) => (
            <option key={kind} value={kind}>
              {label}
            </option>
          ))}
        </select>
      </div>
      <div class="field">
        <label for={`${id}-actor`}>By</label>
        <input
          id={`${id}-actor`}
          type="search"
          placeholder="User name"
          autocomplete="off"
          value={value("actor")}
          onChange={set("actor")}
        />
      </div>
      <div class="field">
        <label for={`${id}-from`}>From</label>
        <input id={`${id}-from`} type="date" value={value("from")} onChange={set("from")} />
      </div>
      <div class="field">
        <label for={`${id}-to`}>Up to and with</label>
        <input id={`${id}-to`} type="date" value={value("to")} onChange={set("to")} />
      </div>
      {NAMES.some(value) && (
        <button type="button" class="quiet" onClick={clear}>
          Show everything
        </button>
      )}
    </form>
  );
}
