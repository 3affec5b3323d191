// A venue with a past: what the pages of statistics need.
import { request, until, viewerToken } from "./system.mjs";

const HOUR_MS = 3_600_000;

/**
 * Sends frames with people of some hours, counted from now: `people(hour, camera)` says how many stand in front of a camera.
 * Waits until all are counted.
 */
export async function sendHistory(venue, cameras, hours, people) {
  const token = await viewerToken([venue]);
  const now = Date.now();
  const frames = hours.flatMap((hour) =>
    cameras.map((camera, index) => ({
      camera,
      frame: 1_000_000 + hour * 10 + index,
      captured_at: new Date(now + hour * HOUR_MS).toISOString(),
      width: 640,
      height: 480,
      detections: Array.from({ length: people(hour, camera) }, (_, at) => ({
        class: at === 4 ? "car" : "person",
        confidence: 0.9,
        box: [0.1 + ((0.07 * at) % 0.7), 0.3 + ((0.05 * at) % 0.3), 0.06, 0.25],
        track_id: at + 1,
      })),
    })),
  );
  for (let at = 0; at < frames.length; at += 100) await venue.send(...frames.slice(at, at + 100));
  const expected = frames.reduce((sum, { detections }) => sum + detections.length, 0);
  await until("everything is counted", async () => (await countOf(venue, token, now, hours)) === expected);
  return { expected, frames };
}

async function countOf(venue, token, now, hours) {
  const query = new URLSearchParams({
    venue: venue.slug,
    from: new Date(now + Math.min(...hours) * HOUR_MS - 1000).toISOString(),
    to: new Date(now + 60_000).toISOString(),
    bucket: "1h",
  });
  return (await request("GET", `/api/v1/counts?${query}`, undefined, token)).series.reduce(
    (sum, { total }) => sum + (total ?? 0),
    0,
  );
}
