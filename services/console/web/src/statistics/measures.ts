/** What is counted. */
import { number } from "../format";

export const MEASURES = ["detections", "mean_per_frame", "peak", "tracks", "frames"] as const;
export type Measure = (typeof MEASURES)[number];

interface Said {
  label: string;
  /** One sentence: what a value says. */
  help: string;
  /** Of one value. */
  unit: string;
}

export const MEASURE: Record<Measure, Said> = {
  detections: {
    label: "Detections",
    help: "How often something was seen, summed over all frames. Somebody who stays is counted in every frame.",
    unit: "detections",
  },
  mean_per_frame: {
    label: "Mean per frame",
    help: "How many were seen in a frame, on average.",
    unit: "per frame",
  },
  peak: { label: "Peak", help: "The most that were seen in one frame.", unit: "at once" },
  tracks: {
    label: "Unique tracks",
    help: "How many different tracks there were: somebody who stays in the picture is counted once.",
    unit: "tracks",
  },
  frames: {
    label: "Frames",
    help: "How many frames the cameras sent, whatever was in them.",
    unit: "frames",
  },
};

/** A value as people read it; means with two digits, everything else is whole. */
export const figure = (measure: Measure, value: number | null | undefined): string =>
  number(value, measure === "mean_per_frame" ? 2 : 0);

/** A difference: +12, −3 */
export function signed(measure: Measure, difference: number | null | undefined): string {
  if (difference === null || difference === undefined || difference === 0) return figure(measure, difference);
  return `${difference > 0 ? "+" : "−"}${figure(measure, Math.abs(difference))}`;
}
