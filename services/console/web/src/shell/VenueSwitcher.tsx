import { useId } from "preact/hooks";
import { go } from "../router";
import { useVenues } from "../session/venues";

/** Goes to a venue's page. */
export function VenueSwitcher({ venue }: { venue: string | undefined }) {
  const id = useId();
  const { venues } = useVenues();
  const choose = (event: Event) => {
    const slug = (event.target as HTMLSelectElement).value;
    if (slug) go(`/venues/${encodeURIComponent(slug)}`);
  };
  const isKnown = venues?.some(({ slug }) => slug === venue);
  return (
    <div class="venue-switcher">
      <label class="group-label" for={id}>
        Venue
      </label>
      <select id={id} value={isKnown ? venue : ""} onChange={choose} disabled={!venues?.length}>
        <option value="" disabled>
          {venues?.length === 0 ? "No venue yet" : "Choose a venue …"}
        </option>
        {venues?.map(({ slug, name }) => (
          <option key={slug} value={slug}>
            {name}
          </option>
        ))}
      </select>
    </div>
  );
}
