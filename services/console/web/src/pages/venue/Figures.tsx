import { getOccupancy } from "../../api/occupancy";
import type { Venue } from "../../api/venues";
import { NOTHING, number, plural } from "../../format";
import { useResource } from "../../useResource";

const EVERY_MS = 3_000;

/** Who is there now, as far as it is known. */
export function Figures({ venue }: { venue: Venue }) {
  const { data, error } = useResource((signal) => getOccupancy([venue.slug], signal), [venue.slug], {
    everyMs: EVERY_MS,
  });
  const now = data?.venues.find((one) => one.venue === venue.slug);
  const cameras = now?.cameras.length ?? 0;
  const silent = now?.unknown_cameras ?? 0;
  return (
    <>
      <dl class="figures venue-figures">
        <div>
          <dt>People now</dt>
          <dd class="people-total">
            {now ? (now.people === null ? "unknown" : number(now.people)) : NOTHING}
          </dd>
        </div>
        <div>
          <dt>Cameras that send</dt>
          <dd>
            {now ? number(cameras - silent) : NOTHING}
            <span class="of"> of {now ? number(cameras) : NOTHING}</span>
          </dd>
        </div>
        <div>
          <dt>Unknown</dt>
          <dd class={silent > 0 ? "venue-unknown" : undefined}>
            {now ? (silent > 0 ? plural(silent, "camera") : "none") : NOTHING}
          </dd>
        </div>
      </dl>
      {error && (
        <p class="help bad" role="alert">
          Who is there now could not be asked: {error.message}
        </p>
      )}
    </>
  );
}
