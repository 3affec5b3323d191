import type { Gaps } from "../live/gaps";
import type { VenueClock } from "../time";

/** Says what of the live picture is missing here, and why; nothing when nothing is. */
export function GapList({ gaps, clock }: { gaps: Gaps; clock: VenueClock }) {
  const sentences = gaps.sentences((time) => clock.second(time));
  if (sentences.length === 0) return null;
  return (
    <section class="card gaps" aria-label="Left out here">
      <h2>Left out here</h2>
      <ul>
        {sentences.map((sentence) => (
          <li key={sentence}>{sentence}</li>
        ))}
      </ul>
      <p class="help">What is left out here is stored all the same, and counted in the chart.</p>
    </section>
  );
}
