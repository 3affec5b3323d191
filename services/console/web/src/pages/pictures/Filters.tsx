import { useId } from "preact/hooks";
import { listCameras } from "../../api/cameras";
import { IMAGE_STATES } from "../../api/images";
import type { Venue } from "../../api/venues";
import { STATES } from "../../pictures/tell";
import { setQuery } from "../../router";
import { useResource } from "../../useResource";

const NAMES = ["camera", "class", "state", "from", "to"];

interface Props {
  params: URLSearchParams;
  venue: Venue;
  venues: Venue[];
}

/** What to look for; every change of it goes into the address at once. */
export function Filters({ params, venue, venues }: Props) {
  const cameras = useResource((signal) => listCameras(venue.slug, { signal }), [venue.slug]);
  const value = (name: string) => params.get(name) ?? "";
  const set = (name: string) => (event: { currentTarget: { value: string } }) =>
    setQuery({ [name]: event.currentTarget.value.trim() });
  const clear = () => setQuery(Object.fromEntries(NAMES.map((name) => [name, null])));
  const id = useId();
  const names = [...new Set(cameras.data?.map(({ name }) => name))];
  return (
    <form
      class="card filters picture-filters"
      role="search"
      aria-label="Pictures"
      onSubmit={(event) => event.preventDefault()}
    >
      <div class="field">
        <label for={`${id}-venue`}>Venue</label>
        <select
          id={`${id}-venue`}
          value={venue.slug}
          onChange={(event) => setQuery({ venue: event.currentTarget.value, camera: null })}
        >
          {venues.map(({ slug, name }) => (
            <option key={slug} value={slug}>
              {name}
            </option>
          ))}
        </select>
      </div>
      <div class="field">
        <label for={`${id}-camera`}>Camera</label>
        <input
          id={`${id}-camera`}
          type="search"
          list={`${id}-cameras`}
          placeholder="All"
          autocomplete="off"
          value={value("camera")}
          onChange={set("camera")}
        />
        <datalist id={`${id}-cameras`}>
          {names.map((name) => (
            <option key={name} value={name} />
          ))}
        </datalist>
      </div>
      <div class="field">
        <label for={`${id}-class`}>Class</label>
        <input
          id={`${id}-class`}
          type="search"
          placeholder="All"
          autocomplete="off"
          autocapitalize="off"
          value={value("class")}
          onChange={set("class")}
        />
      </div>
      <div class="field">
        <label for={`${id}-state`}>State</label>
        <select id={`${id}-state`} value={value("state")} onChange={set("state")}>
          <option value="">All</option>
          {IMAGE_STATES.map((state) => (
            <option key={state} value={state}>
              {STATES[state][0]}
            </option>
          ))}
        </select>
      </div>
      <div class="field wide">
        <label for={`${id}-from`}>From</label>
        <input id={`${id}-from`} type="datetime-local" value={value("from")} onChange={set("from")} />
      </div>
      <div class="field wide">
        <label for={`${id}-to`}>Until</label>
        <input id={`${id}-to`} type="datetime-local" value={value("to")} onChange={set("to")} />
      </div>
      {NAMES.some(value) && (
        <button type="button" class="quiet" onClick={clear}>
          Show everything
        </button>
      )}
    </form>
  );
}
