// Headless Chromium for the tests and the screenshots.
import assert from "node:assert/strict";
import { chromium } from "playwright-core";
import { address } from "./system.mjs";

export const PHONE = { width: 360, height: 740 };
const DESKTOP = { width: 1280, height: 900 };

const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--disable-dev-shm-usage",
];

export function launch() {
  const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";
  return chromium.launch({ executablePath, headless: true, args: FLAGS });
}

/**
 * A page in a fresh context. When the test is over it is checked that nothing was written to the console (`expected`
 * excepted), that no script failed, and that nothing was asked of any origin but its own (and `friend`).
 */
export async function openPage(
  t,
  browser,
  { viewport = DESKTOP, expected, origin = address, friend, ...options } = {},
) {
  const context = await browser.newContext({
    viewport,
    colorScheme: "light",
    timezoneId: "Pacific/Auckland",
    ...options,
  });
  const page = await context.newPage();
  const complaints = [];
  const foreign = [];
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type()) && !expected?.test(message.text()))
      complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(error.stack ?? error.message));
  const note = (url) => {
    const host = new URL(url).host;
    const known = [origin, friend ?? origin].map((friendly) => new URL(friendly).host);
    if (host && !known.includes(host)) foreign.push(url);
  };
  page.on("request", (request) => note(request.url()));
  page.on("websocket", (socket) => note(socket.url()));
  t.after(async () => {
    await context.close();
    assert.deepEqual(complaints, [], "the console stays empty");
    assert.deepEqual(foreign, [], "no other origin is asked for anything");
  });
  return page;
}

/** The colour at a point of a camera's image; the image lies as the page puts it: 4:3 in the middle of its stage. */
export function pixelAt(page, camera, point) {
  const canvas = page.getByRole("article", { name: `Camera ${camera}` }).locator("canvas");
  return canvas.evaluate((element, [x, y]) => {
    const width = Math.min(element.width, (element.height * 4) / 3);
    const height = (width * 3) / 4;
    const left = (element.width - width) / 2 + x * width;
    const top = (element.height - height) / 2 + y * height;
    const copy = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
    copy.drawImage(element, -Math.floor(left), -Math.floor(top));
    return copy.getImageData(0, 0, 1, 1).data.join(",");
  }, point);
}

export const widthOfContent = (page) => page.evaluate(() => document.documentElement.scrollWidth);
