import { dateTime, exactTime, relativeTime, zoneName } from "../format";
import { useNow } from "../useNow";

interface Props {
  /** RFC 3339, or milliseconds since 1970. */
  at: string | number | null | undefined;
  /** Time zone of the venue; without one, that of the browser. */
  zone?: string | undefined;
  /** `relative`: "5 minutes ago", with the date in the title. */
  relative?: boolean;
  /** To the millisecond. */
  exact?: boolean;
  /** Names the zone in the text, too: where the page does not say it. */
  zoned?: boolean;
  /** What stands for no time. */
  none?: string;
}

/** A moment, in a zone that its title names. */
export function TimeText({ at, zone, relative = false, exact = false, zoned = false, none = "–" }: Props) {
  if (at === null || at === undefined) return <span class="muted">{none}</span>;
  const time = typeof at === "number" ? at : Date.parse(at);
  const full = `${dateTime(time, zone)} ${zoneName(time, zone)}`;
  return (
    <time dateTime={new Date(time).toISOString()} title={full}>
      {relative ? (
        <Relative time={time} />
      ) : zoned ? (
        full
      ) : exact ? (
        exactTime(time, zone)
      ) : (
        dateTime(time, zone)
      )}
    </time>
  );
}

function Relative({ time }: { time: number }) {
  return <>{relativeTime(time, useNow(10_000))}</>;
}
