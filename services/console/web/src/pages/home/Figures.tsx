import type { Occupancy } from "../../api/occupancy";
import type { Venue } from "../../api/venues";
import { NOTHING, number } from "../../format";

/** The sums over all venues. */
export function Figures({ venues, occupancy }: { venues: Venue[]; occupancy: Occupancy | undefined }) {
  const shown = occupancy?.venues ?? [];
  const known = shown.filter(({ people }) => people !== null);
  const people = known.length > 0 ? known.reduce((sum, { people }) => sum + (people ?? 0), 0) : null;
  const cameras = shown.flatMap((venue) => venue.cameras);
  const sending = cameras.filter(({ status }) => status === "known").length;
  return (
    <dl class="home-figures">
      <div>
        <dt>People now</dt>
        <dd class="home-people">{occupancy ? (people === null ? "unknown" : number(people)) : NOTHING}</dd>
      </div>
      <div>
        <dt>Venues that send</dt>
        <dd>
          {occupancy ? number(known.length) : NOTHING} <span class="of">of {number(venues.length)}</span>
        </dd>
      </div>
      <div>
        <dt>Cameras that send</dt>
        <dd>
          {occupancy ? number(sending) : NOTHING} <span class="of">of {number(cameras.length)}</span>
        </dd>
      </div>
    </dl>
  );
}
