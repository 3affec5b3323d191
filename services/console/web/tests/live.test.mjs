import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launch, openPage, PHONE, pixelAt, widthOfContent } from "./browser.mjs";
import { address, cuttableNetwork, frame, makeVenue, request, until, viewerToken } from "./system.mjs";

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser.close());

/** Two boxes, and a point of the image inside of each, and one outside of both (where no grid line runs either). */
const AT_LEFT = [0.15, 0.3, 0.09, 0.4];
const AT_RIGHT = [0.6, 0.3, 0.09, 0.4];
const IN_LEFT = [0.2, 0.45];
const IN_RIGHT = [0.65, 0.45];
const OUTSIDE = [0.45, 0.45];

const card = (page, camera) => page.getByRole("article", { name: `Camera ${camera}` });
const status = (page, text) => page.locator(".status", { hasText: text });
const peopleOf = (page, camera) => card(page, camera).locator(".people-now strong").textContent();
const peopleInAll = (page) => page.locator(".people-total").textContent();

async function openLive(t, venue, options = {}) {
  const page = await openPage(t, browser, options);
  await page.goto(`${options.origin ?? address}/live#token=${await viewerToken([venue])}`);
  await status(page, "Live").waitFor();
  return page;
}

test("without a viewer link the live page asks for one", async (t) => {
  const page = await openPage(t, browser);
  await page.goto(`${address}/live`);
  await page.getByRole("heading", { name: "Watching needs a viewer link" }).waitFor();
  await page.getByLabel("Viewer link or token").waitFor();
});

test("the token leaves the address bar, and survives a reload", async (t) => {
  const venue = await makeVenue(t);
  const page = await openLive(t, venue);
  assert.equal(page.url(), `${address}/live?venue=${venue.slug}`);
  await page.reload();
  await status(page, "Live").waitFor();
});

test("a venue without cameras says so", async (t) => {
  const page = await openLive(t, await makeVenue(t, { name: "Empty hall" }));
  await page.getByRole("heading", { name: "No camera has sent a frame yet" }).waitFor();
  await page.getByText("No frame in the last 30 minutes").waitFor();
});

test("each camera is a canvas with the boxes of its latest frame, and its number of people", async (t) => {
  const venue = await makeVenue(t);
  const page = await openLive(t, venue);
  const car = { class: "car", confidence: 0.8, box: [0.8, 0.8, 0.1, 0.1] };
  const entrance = frame("entrance", [AT_LEFT, AT_RIGHT]);
  entrance.detections.push(car);
  await venue.send(entrance, frame("square", [AT_RIGHT]));
  await until("both cameras are there", async () => (await page.locator(".camera canvas").count()) === 2);
  await until("two people are at the entrance", async () => (await peopleOf(page, "entrance")) === "2");
  assert.equal(await peopleOf(page, "square"), "1");
  assert.equal(await peopleInAll(page), "3");

  const nothing = await pixelAt(page, "entrance", OUTSIDE);
  const [left, right, inCar] = [
    await pixelAt(page, "entrance", IN_LEFT),
    await pixelAt(page, "entrance", IN_RIGHT),
    await pixelAt(page, "entrance", [0.85, 0.87]),
  ];
  assert.equal(
    new Set([nothing, left, right, inCar]).size,
    4,
    "boxes are drawn, each track in its own colour",
  );
  assert.equal(await pixelAt(page, "square", IN_LEFT), nothing);
});

test("boxes move, and a track keeps its colour", async (t) => {
  const venue = await makeVenue(t);
  const page = await openLive(t, venue);
  await venue.send(frame("entrance", [AT_LEFT]));
  await until("the person is at the left", async () => (await peopleOf(page, "entrance")) === "1");
  const nothing = await pixelAt(page, "entrance", IN_RIGHT);
  const colour = await pixelAt(page, "entrance", IN_LEFT);
  await venue.send(frame("entrance", [AT_RIGHT]));
  await until(
    "the person is at the right",
    async () => (await pixelAt(page, "entrance", IN_RIGHT)) === colour,
  );
  assert.equal(await pixelAt(page, "entrance", IN_LEFT), nothing, "and no longer at the left");
  await venue.send(frame("entrance", []));
  await until("nobody is there", async () => (await peopleOf(page, "entrance")) === "0");
});

test("a camera that falls silent is dimmed and no longer counted", async (t) => {
  const venue = await makeVenue(t);
  const page = await openLive(t, venue);
  await venue.send(frame("entrance", [AT_LEFT]));
  await until("the person is counted", async () => (await peopleInAll(page)) === "1");
  await card(page, "entrance")
    .getByText(/^Silent since \d\d:\d\d:\d\d$/)
    .waitFor();
  assert.equal(await peopleOf(page, "entrance"), "–");
  assert.equal(await peopleInAll(page), "–");
  const opacity = () =>
    page.locator(".camera canvas").evaluate((canvas) => Number(getComputedStyle(canvas).opacity));
  await until("the boxes are dimmed", async () => (await opacity()) < 0.5);
});

test("the chart shows what is stored and what arrives, in the time zone of the venue", async (t) => {
  const venue = await makeVenue(t, { time_zone: "Asia/Kolkata" });
  const tenMinutesAgo = Date.now() - 600_000;
  const past = [2, 3].map((people, index) =>
    frame("entrance", Array(people).fill(AT_LEFT), {
      captured_at: new Date(tenMinutesAgo + index).toISOString(),
    }),
  );
  await venue.send(...past);
  await until("the counts have it", () => storedFrames(venue, 2));

  const page = await openLive(t, venue);
  await page.getByText("Asia/Kolkata (GMT+5:30)").first().waitFor();
  const present = frame("entrance", [AT_LEFT, AT_LEFT, AT_LEFT, AT_RIGHT]);
  await venue.send(present);
  await page.getByText("Show the figures as a table").click();
  const value = (time) =>
    page
      .getByRole("row", { name: minuteIn("Asia/Kolkata", time) })
      .getByRole("cell")
      .textContent();
  await until("the past is in the table", async () => (await value(tenMinutesAgo)) === "2.5");
  await until("so is the present", async () => (await value(Date.parse(present.captured_at))) === "4.0");
  assert.equal(await value(tenMinutesAgo - 300_000), "–", "minutes without frames are holes");
  await until("the line is drawn", () => chartHasColour(page, "--line-0"));
});

async function storedFrames(venue, frames) {
  const token = await viewerToken([venue]);
  const counts = await request("GET", `/api/v1/venues/${venue.slug}/counts?bucket=1m`, undefined, token);
  return counts.buckets.reduce((sum, bucket) => sum + bucket.frames, 0) === frames;
}

const minuteIn = (timeZone, time) =>
  new Intl.DateTimeFormat("en-GB", { timeZone, hour: "2-digit", minute: "2-digit", hourCycle: "h23" }).format(
    time,
  );

function chartHasColour(page, name) {
  return page.locator(".plot canvas").evaluate((canvas, property) => {
    const hex = getComputedStyle(canvas).getPropertyValue(property).trim();
    const [red, green, blue] = [1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16));
    const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext("2d", {
      willReadFrequently: true,
    });
    copy.drawImage(canvas, 0, 0);
    const { data } = copy.getImageData(0, 0, canvas.width, canvas.height);
    let found = 0;
    for (let i = 0; i < data.length; i += 4) {
      if (data[i] === red && data[i + 1] === green && data[i + 2] === blue && data[i + 3] === 255) found++;
    }
    return found > 4;
  }, name);
}

test("a lost connection is said, and mended without being asked", async (t) => {
  const venue = await makeVenue(t);
  const network = await cuttableNetwork(t);
  const lost = /net::ERR_|WebSocket connection/;
  const page = await openLive(t, venue, { origin: network.address, expected: lost });
  await venue.send(frame("entrance", [AT_LEFT]));
  await until("the person is counted", async () => (await peopleInAll(page)) === "1");
  network.cut();
  await status(page, "Reconnecting").waitFor();
  await card(page, "entrance")
    .getByText(/^Last frame \d+ s ago$/)
    .waitFor();
  network.mend();
  await status(page, "Live").waitFor();
  await venue.send(frame("entrance", [AT_LEFT, AT_RIGHT]));
  await until("frames come again", async () => (await peopleInAll(page)) === "2");
});

test("whoever comes later sees at once what the cameras saw last, and how long ago that was", async (t) => {
  const venue = await makeVenue(t);
  const first = await openLive(t, venue);
  await venue.send(frame("entrance", [AT_LEFT, AT_RIGHT]));
  await until("the first page has it", async () => (await peopleOf(first, "entrance")) === "2");
  await card(first, "entrance")
    .getByText(/^Silent since/)
    .waitFor();
  const later = await openLive(t, venue);
  await card(later, "entrance")
    .getByText(/^Silent since \d\d:\d\d:\d\d$/)
    .waitFor();
  assert.equal(await peopleOf(later, "entrance"), "–");
  const nothing = await pixelAt(later, "entrance", OUTSIDE);
  assert.notEqual(await pixelAt(later, "entrance", IN_RIGHT), nothing, "the boxes are drawn");
});

test("what a node delivers late does not take the place of the live picture", async (t) => {
  const venue = await makeVenue(t);
  const page = await openLive(t, venue);
  await venue.send(frame("entrance", [AT_LEFT]));
  await until("the person is counted", async () => (await peopleInAll(page)) === "1");
  const captured_at = new Date(Date.now() - 600_000).toISOString();
  await venue.send(
    frame("entrance", [AT_LEFT, AT_RIGHT], { captured_at }),
    frame("late", [], { captured_at }),
  );
  await venue.send(frame("square", [AT_RIGHT]));
  await until("what is live arrives", async () => (await peopleOf(page, "square")) === "1");
  assert.notEqual(await peopleOf(page, "entrance"), "2");
  assert.equal(await card(page, "late").count(), 0);
});

test("frames that were left out are told, and why", async (t) => {
  const venue = await makeVenue(t);
  const page = await openPage(t, browser);
  // The server says so when a browser is too slow, which none is here: what it would say is put between what it says.
  let say;
  await page.routeWebSocket("**/api/v1/live", (socket) => {
    socket.connectToServer();
    say = (message) => socket.send(JSON.stringify(message));
  });
  await page.goto(`${address}/live#token=${await viewerToken([venue])}`);
  await status(page, "Live").waitFor();
  await venue.send(frame("entrance", [AT_LEFT]));
  await card(page, "entrance").waitFor();
  const gap = { type: "gap", id: "1", cameras: ["north/entrance"] };
  say({ ...gap, dropped: 1200, reason: "slow" });
  say({ ...gap, dropped: null, cameras: [], reason: "overload" });
  await page
    .getByText("1,200 frames were left out because this browser or its network was too slow.")
    .waitFor();
  await page.getByText(/^The live feed was overloaded, last at \d\d:\d\d:\d\d/).waitFor();
  await venue.send(frame("entrance", [AT_LEFT]));
  await card(page, "entrance").getByText("Frames left out").waitFor();
  say({ type: "subscribed", id: "1", venue: venue.slug, cursor: "anew", recovered: false, snapshot: [] });
  await page.getByText(/^The picture began anew at \d\d:\d\d:\d\d: frames before that are missing/).waitFor();
});

test("a refusal is called what it is", async (t) => {
  const venue = await makeVenue(t);
  const page = await openPage(t, browser);
  await page.routeWebSocket("**/api/v1/live", (socket) => {
    const server = socket.connectToServer();
    const code = "too-many-subscriptions";
    socket.onMessage((text) => {
      const { type, id } = JSON.parse(text);
      if (type !== "subscribe") return server.send(text);
      socket.send(JSON.stringify({ type: "error", id, code, message: "a socket may hold 16 subscriptions" }));
    });
  });
  await page.goto(`${address}/live#token=${await viewerToken([venue])}`);
  await page.getByRole("heading", { name: "The live feed takes no more subscriptions" }).waitFor();
  await page.getByText("a socket may hold 16 subscriptions").waitFor();
  assert.equal(await page.getByText("not allowed").count(), 0);
});

test("a token that was not made here is refused", async (t) => {
  const page = await openPage(t, browser, { expected: /401/ });
  const payload = Buffer.from(
    JSON.stringify({ sub: "viewer", venues: ["demo"], exp: 4_000_000_000 }),
  ).toString("base64url");
  await page.goto(`${address}/live#token=eyJhbGciOiJIUzI1NiJ9.${payload}.AAAA`);
  await page.getByRole("heading", { name: "This viewer link is not accepted" }).waitFor();
  await page.getByRole("button", { name: "Forget this link" }).click();
  await page.getByRole("heading", { name: "Watching needs a viewer link" }).waitFor();
});

test("a token that expires while one watches is told from a broken one", async (t) => {
  const venue = await makeVenue(t);
  const page = await openPage(t, browser, { expected: /401|WebSocket connection/ });
  await page.goto(`${address}/live#token=${await viewerToken([venue], "4s")}`);
  await status(page, "Live").waitFor();
  await status(page, "Viewer link expired").waitFor();
  await page.getByRole("heading", { name: "Your viewer link has expired" }).waitFor();
});

test("a venue that the link does not name is not shown", async (t) => {
  const [mine, other] = [await makeVenue(t, { name: "My venue" }), await makeVenue(t)];
  const page = await openPage(t, browser);
  await page.goto(`${address}/live?venue=${other.slug}#token=${await viewerToken([mine])}`);
  await page.getByRole("heading", { name: `Your viewer link does not include “${other.slug}”` }).waitFor();
  await page.getByRole("link", { name: "My venue" }).click();
  await page.getByRole("heading", { level: 1, name: "My venue" }).waitFor();
  await status(page, "Live").waitFor();
});

test("one of several venues is picked, with the keyboard too", async (t) => {
  const [first, second] = [await makeVenue(t, { name: "A first" }), await makeVenue(t, { name: "B second" })];
  const page = await openPage(t, browser);
  await page.goto(`${address}/live#token=${await viewerToken([first, second])}`);
  await page.waitForURL(`**/live?venue=${first.slug}`);
  // Browsers complain about a connection that is closed before it stands.
  await status(page, "Live").waitFor();
  const choice = page.getByRole("combobox", { name: "Venue" });
  await choice.focus();
  await page.keyboard.press("B");
  await page.waitForURL(`**/live?venue=${second.slug}`);
  await status(page, "Live").waitFor();
  await second.send(frame("gate", [AT_LEFT]));
  await card(page, "gate").waitFor();
});

test("nothing jumps while the page loads and frames come in", async (t) => {
  const venue = await makeVenue(t);
  await venue.send(frame("entrance", [AT_LEFT]));
  await until("the camera is known", async () => {
    const { cameras } = await request("GET", `/api/v1/venues/${venue.slug}/cameras`);
    return cameras.length === 1;
  });
  const page = await openPage(t, browser);
  await page.addInitScript(() => {
    window.shifts = 0;
    const add = (list) => {
      for (const entry of list.getEntries()) window.shifts += entry.value;
    };
    new PerformanceObserver(add).observe({ type: "layout-shift", buffered: true });
  });
  await page.goto(`${address}/live#token=${await viewerToken([venue])}`);
  await status(page, "Live").waitFor();
  await venue.send(frame("entrance", [AT_LEFT, AT_RIGHT], { width: 640, height: 480 }));
  await until("two people are there", async () => (await peopleInAll(page)) === "2");
  await until("the line is drawn", () => chartHasColour(page, "--line-0"));
  const shifts = await page.evaluate(() => window.shifts);
  assert.ok(shifts < 0.01, `layout shift of ${shifts}`);
});

test("the live page fits a phone, in the dark", async (t) => {
  const venue = await makeVenue(t, { name: "A venue with quite a long name for such a narrow screen" });
  const page = await openLive(t, venue, {
    viewport: PHONE,
    isMobile: true,
    hasTouch: true,
    colorScheme: "dark",
  });
  await venue.send(frame("entrance-with-a-long-name", [AT_LEFT]), frame("square", [AT_LEFT]));
  await card(page, "square").waitFor();
  assert.equal(await widthOfContent(page), PHONE.width);
  const ground = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  assert.equal(ground, "rgb(16, 22, 28)");
  await until("the canvas is dark", async () => (await pixelAt(page, "square", OUTSIDE)) === "20,27,34,255");
});
