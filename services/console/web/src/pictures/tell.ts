import { sentence } from "../api/client";
import type { ImageBox, ImageDetails, ImageState } from "../api/images";
import { dateTime, number, NOTHING, seconds } from "../format";

export const STATES: Record<ImageState, [label: string, kind: string]> = {
  ready: ["Ready", "good"],
  received: ["Not ready yet", "accent"],
  failed: ["Failed", "bad"],
  expired: ["Deleted", ""],
};

/** "3 × person, 1 × bicycle": the most frequent first. */
export function tellBoxes(boxes: ImageBox[] | null): string {
  if (!boxes) return "not known what is on it";
  if (boxes.length === 0) return "nothing on it";
  const counts = new Map<string, number>();
  for (const { class: name } of boxes) counts.set(name, (counts.get(name) ?? 0) + 1);
  return [...counts]
    .sort(([a, left], [b, right]) => right - left || a.localeCompare(b))
    .map(([name, count]) => `${number(count)} × ${name}`)
    .join(", ");
}

/** What a picture shows, for people who do not see it. */
export const describePicture = (image: ImageDetails, zone: string | undefined): string =>
  `${image.camera ?? "No camera"}, ${dateTime(image.captured_at, zone)}: ${tellBoxes(image.boxes)}`;

/** "35 ms", "4.2 s"; nothing of times that are not known or of clocks that do not agree. */
export function took(from: string | null, to: string | null): string {
  const ms = from && to ? Date.parse(to) - Date.parse(from) : Number.NaN;
  if (!(ms >= 0)) return NOTHING;
  return ms < 1000 ? `${number(ms)} ms` : seconds(ms / 1000);
}

/** Why a picture failed. */
export const tellFailure = ({ reason, detail }: Pick<ImageDetails, "reason" | "detail">): string =>
  sentence(detail || reason?.replaceAll("-", " ") || "Nobody knows why");
