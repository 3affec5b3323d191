// Says how smooth the chart of the statistics page is: `node tests/chart-speed.mjs [LINES] [VALUES]`, by default 10 lines of
// 10,000 values each. The figures are made up on the way to the page; all else is the running system.
import { launch } from "./browser.mjs";
import { everywhere, makeUser, openSignedIn } from "./session.mjs";
import { makeVenue } from "./system.mjs";

const [lines, values] = [Number(process.argv[2] ?? 10), Number(process.argv[3] ?? 10_000)];
const cleanUp = [];
const t = { after: (task) => cleanUp.unshift(task) };
const browser = await launch();
cleanUp.push(() => browser.close());
try {
  const venue = await makeVenue(t);
  const user = await makeUser(t, everywhere("viewer"));
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
  await page.route(/\/api\/v1\/counts\?.*group=camera/, (route) => route.fulfill({ json: madeUp() }));
  await openSignedIn(page, user, `/statistics?venue=${venue.slug}&group=camera`);
  await page.getByRole("slider").waitFor();
  const hidden = page.locator(".chart-legend [aria-pressed=false]");
  while ((await hidden.count()) > 0) await hidden.first().click();
  await page.waitForTimeout(500);
  const box = await page.getByRole("slider").boundingBox();
  console.log(`${lines} lines of ${values} values`);
  report("moving the cursor", await framesWhile(page, () => move(page, box, 120)));
  report(
    "zooming and back, 10 times",
    await framesWhile(page, async () => {
      for (let turn = 0; turn < 10; turn++) {
        await page.mouse.move(box.x + 200 + turn * 20, box.y + 100);
        await page.mouse.down();
        await page.mouse.move(box.x + 700, box.y + 100, { steps: 4 });
        await page.mouse.up();
        await page.keyboard.press("Escape");
      }
    }),
  );
} finally {
  for (const task of cleanUp) await task();
}

async function move(page, box, steps) {
  await page.mouse.move(box.x + 100, box.y + 120);
  await page.mouse.move(box.x + box.width - 60, box.y + 120, { steps });
}

/** How long frames took, and how long the longest tasks of the page were, while something was done. */
async function framesWhile(page, act) {
  await page.evaluate(() => {
    window.frames_ = [];
    window.tasks_ = [];
    window.observer_ = new PerformanceObserver((list) => {
      for (const { duration } of list.getEntries()) window.tasks_.push(duration);
    });
    window.observer_.observe({ type: "longtask" });
    let last;
    const tick = (now) => {
      if (last !== undefined) window.frames_.push(now - last);
      last = now;
      window.tick_ = requestAnimationFrame(tick);
    };
    window.tick_ = requestAnimationFrame(tick);
  });
  await act();
  return page.evaluate(() => {
    cancelAnimationFrame(window.tick_);
    window.observer_.disconnect();
    return { frames: window.frames_, tasks: window.tasks_ };
  });
}

function report(what, { frames, tasks }) {
  const sorted = [...frames].sort((a, b) => a - b);
  const at = (share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]?.toFixed(1);
  const longest = Math.max(0, ...tasks).toFixed(0);
  console.log(
    `${what}: ${frames.length} frames, median ${at(0.5)} ms, p95 ${at(0.95)} ms, longest ${at(1)} ms; ${tasks.length} tasks over 50 ms, the longest ${longest} ms`,
  );
}

function madeUp() {
  const start = Date.now() - values * 60_000;
  const edges = Array.from({ length: values + 1 }, (_, at) => new Date(start + at * 60_000).toISOString());
  const series = Array.from({ length: lines }, (_, line) => {
    const wave = (at) => Math.round(50 + 40 * Math.sin(at / 300 + line) + 20 * Math.sin(at * 12.9898 + line));
    const row = Array.from({ length: values }, (_, at) => (at % 997 < 20 ? null : Math.max(0, wave(at))));
    return { venue: null, camera: `north/camera-${line}`, class: null, values: row, total: 0 };
  });
  const [from, to] = [edges[0], edges.at(-1)];
  const about = { measure: "detections", time_zone: "Europe/Berlin", bucket: "1m", from, to, edges };
  return { ...about, series, compare: null, error: null, notes: [] };
}
