import type { Values } from "./plot";
import "./charts.css";

interface Props {
  values: Values;
  /** Dashed, behind. */
  compared?: Values | undefined;
  /** What it shows, in a sentence; it is all that a screen reader gets of it. */
  label: string;
}

const WIDTH = 240;
const HEIGHT = 56;
const ROOM = 3;

/** A small curve without axes: the shape of a day. */
export function Sparkline({ values, compared = [], label }: Props) {
  const most = Math.max(1e-9, ...values.map((value) => value ?? 0), ...compared.map((value) => value ?? 0));
  return (
    <svg
      class="sparkline"
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      preserveAspectRatio="none"
      role="img"
      aria-label={label}
    >
      <line class="sparkline-ground" x1="0" x2={WIDTH} y1={HEIGHT - ROOM} y2={HEIGHT - ROOM} />
      <path class="sparkline-compared" d={path(compared, most)} />
      <path class="sparkline-line" d={path(values, most)} />
    </svg>
  );
}

/** A line from value to value that ends at holes; a value between two holes is a dash of its own. */
export function path(values: Values, most: number): string {
  const step = WIDTH / Math.max(1, values.length);
  let isOpen = false;
  let text = "";
  values.forEach((value, at) => {
    if (value === null) {
      isOpen = false;
      return;
    }
    const x = ((at + 0.5) * step).toFixed(1);
    const y = (HEIGHT - ROOM - (value / most) * (HEIGHT - 2 * ROOM)).toFixed(1);
    const isLonely = !isOpen && (values[at + 1] ?? null) === null;
    text += isLonely ? `M${x} ${y}h0.01` : `${isOpen ? "L" : "M"}${x} ${y}`;
    isOpen = true;
  });
  return text;
}
