// Writes pictures of the pages: `npm run screenshots -- DIRECTORY [VIEWER LINK OR TOKEN]`.
// Without a viewer link it makes a venue of its own and sends it a little scene.
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { launch, PHONE } from "./browser.mjs";
import { address, frame, makeVenue, viewerToken } from "./system.mjs";

const [directory, link] = process.argv.slice(2);
if (!directory) {
  console.error("Usage: npm run screenshots -- DIRECTORY [VIEWER LINK OR TOKEN]");
  process.exit(2);
}
await mkdir(directory, { recursive: true });

const cleanUp = [];
const token = link?.replace(/^.*#token=/, "") ?? (await makeScene());
const browser = await launch();
try {
  for (const colorScheme of ["light", "dark"]) {
    for (const [size, viewport] of [
      ["desktop", { width: 1280, height: 900 }],
      ["phone", PHONE],
    ]) {
      await photograph("home", "/", colorScheme, size, viewport);
      await photograph("live", `/live#token=${token}`, colorScheme, size, viewport);
    }
  }
} finally {
  await browser.close();
  for (const task of cleanUp) await task();
}

async function photograph(name, path, colorScheme, size, viewport) {
  const isMobile = size === "phone";
  const context = await browser.newContext({
    viewport,
    colorScheme,
    isMobile,
    deviceScaleFactor: isMobile ? 2 : 1,
  });
  const page = await context.newPage();
  await page.goto(address + path);
  await page.getByRole("heading", { level: 1 }).waitFor();
  if (name === "live") await page.waitForFunction(everyCameraIsCounted);
  const file = join(directory, `${name}-${size}-${colorScheme}.png`);
  await page.screenshot({ path: file, fullPage: true });
  await context.close();
  console.log(file);
}

/** Two cameras, and people who walk through their pictures until the pictures of the pages are taken. */
async function makeScene() {
  const venue = await makeVenue({ after: (task) => cleanUp.push(task) }, { name: "Harbour square" });
  let step = 0;
  const walkers = (count, speed) =>
    Array.from({ length: count }, (_, i) => [
      (0.11 * i + step * speed) % 0.9,
      0.3 + 0.05 * (i % 4),
      0.06,
      0.28,
    ]);
  let busy = Promise.resolve();
  const timer = setInterval(() => {
    step++;
    busy = busy.then(() =>
      venue.send(frame("entrance", walkers(7, 0.004)), frame("quay", walkers(4, 0.007))),
    );
  }, 100);
  cleanUp.unshift(async () => {
    clearInterval(timer);
    await busy;
  });
  return viewerToken([venue]);
}

/** Runs in the page. */
function everyCameraIsCounted() {
  const numbers = [...document.querySelectorAll(".people-now strong")].map((element) => element.textContent);
  return numbers.length > 0 && !numbers.includes("–");
}
