// The client of the live feed as the console serves it, in pages that are not ours.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import { launch, openPage } from "./browser.mjs";
import { address, cuttableNetwork, frame, guestOrigin, makeVenue, until, viewerToken } from "./system.mjs";

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser.close());

/** Writes down what it gets: the numbers of frames in `story`, how the connection is in `statuses`. */
const countingPage = (
  system,
  venue,
) => `<!doctype html><link rel="icon" href="data:," /><script type="module">
  import { LiveFeed } from "${system}/live-client.js";
  window.story = [];
  window.statuses = [];
  const feed = new LiveFeed({
    token: async () => (await fetch("/viewer-token")).text(),
    onStatus: ({ state }) => window.statuses.push(state),
  });
  feed.subscribe({ venue: "${venue.slug}" }, {
    onFrame: ({ frame }) => window.story.push(frame),
    onSnapshot: (frames, missed) => window.story.push(missed ? "missed" : "snapshot"),
    onGap: ({ reason }) => window.story.push("gap: " + reason),
    onError: ({ code }) => window.story.push("error: " + code),
  });
</script>`;

/** Somebody else's server: the page at `/`, a viewer token at `/viewer-token`, or an error when there is none. */
async function serve(t, page, newToken) {
  const server = createServer(async (request, response) => {
    const isPage = request.url === "/";
    response.setHeader("content-type", isPage ? "text/html" : "text/plain");
    const token = isPage ? undefined : await newToken();
    response.statusCode = isPage || token ? 200 : 500;
    response.end(isPage ? page : (token ?? "not.a.token"));
  });
  const { hostname, port } = new URL(guestOrigin);
  await new Promise((resolve) => server.listen(Number(port), hostname, resolve));
  t.after(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
}

/** The page that counts, watching `venue` by way of `system`, and the sockets that it opens. */
async function openCountingPage(t, venue, { system = address, newToken, expected }) {
  await serve(t, countingPage(system, venue), newToken);
  const page = await openPage(t, browser, { origin: guestOrigin, friend: system, expected });
  const sockets = [];
  page.on("websocket", (socket) => sockets.push(socket));
  await page.goto(guestOrigin);
  await until("it is live", async () => (await lastStatus(page)) === "live");
  return { page, sockets };
}

const lastStatus = (page) => page.evaluate(() => window.statuses.at(-1));
const storyOf = (page) => page.evaluate(() => window.story);

/** Sends frames one after the other until it is stopped; then the numbers of all. */
function sendFrames(venue) {
  const numbers = [];
  let stopped = false;
  const sending = (async () => {
    while (!stopped) {
      const next = frame("entrance", [[0.2, 0.2, 0.1, 0.4]]);
      await venue.send(next);
      numbers.push(next.frame);
    }
  })();
  return {
    numbers,
    async stop() {
      stopped = true;
      await sending;
      return numbers;
    },
  };
}

test("through disconnects no frame is missing and none doubled, without a reload", async (t) => {
  const venue = await makeVenue(t);
  const network = await cuttableNetwork(t);
  const newToken = () => viewerToken([venue]);
  const expected = /net::ERR_|WebSocket connection/;
  const { page, sockets } = await openCountingPage(t, venue, { system: network.address, newToken, expected });
  const sender = sendFrames(venue);
  for (let cut = 1; cut <= 3; cut++) {
    const sent = sender.numbers.length;
    await until("frames arrive", async () => (await storyOf(page)).includes(sender.numbers.at(-1)));
    network.cut();
    await until("the connection is lost", async () => (await lastStatus(page)) === "waiting");
    await until("frames are sent meanwhile", () => sender.numbers.length > sent + 20);
    network.mend();
    await until("it is live again", async () => (await lastStatus(page)) === "live");
  }
  const numbers = await sender.stop();
  await until("the last frame arrives", async () => (await storyOf(page)).includes(numbers.at(-1)));
  assert.deepEqual(await storyOf(page), ["snapshot", ...numbers]);
  assert.ok(sockets.length >= 4, `${sockets.length} sockets`);
});

test("a token is replaced before it ends, without a reconnect", async (t) => {
  const venue = await makeVenue(t);
  let asked = 0;
  const newToken = () => {
    asked++;
    return viewerToken([venue], "6s");
  };
  const { page, sockets } = await openCountingPage(t, venue, { newToken });
  const end = Date.now() + 7000;
  await until("the first token has ended", () => Date.now() > end);
  const late = frame("entrance", []);
  await venue.send(late);
  await until("frames still arrive", async () => (await storyOf(page)).includes(late.frame));
  assert.deepEqual(await storyOf(page), ["snapshot", late.frame]);
  assert.equal(sockets.length, 1);
  assert.ok(asked >= 2, `asked for ${asked} tokens`);
});

/** The page of the documentation that shows how to use the client. */
async function documentedExample() {
  const text = await readFile(new URL("../../../../docs/realtime.md", import.meta.url), "utf8");
  const blocks = [...text.matchAll(/```html\n(.*?)```/gs)].map(([, block]) => block);
  const example = blocks.find((block) => block.includes("live-client.js"));
  assert.ok(example, "docs/realtime.md has an example that uses live-client.js");
  return example;
}

test("the example of the documentation works in a page of another origin", async (t) => {
  const venue = await makeVenue(t);
  const example = (await documentedExample())
    .replaceAll("https://citytrack.example", address)
    .replaceAll('"demo"', JSON.stringify(venue.slug));
  let asked = 0;
  await serve(t, example, () => (++asked === 1 ? undefined : viewerToken([venue])));
  const page = await openPage(t, browser, { origin: guestOrigin, friend: address, expected: /500/ });
  const said = (text) => page.waitForEvent("console", (message) => message.text().startsWith(text));
  const told = [said("live feed: waiting token"), said("live feed: live")];
  await page.route("**/favicon.ico", (route) => route.fulfill({ status: 204 }));
  await page.goto(guestOrigin);
  await Promise.all(told);
  const people = [0.9, 0.9, 0.1].map((confidence) => ({
    class: "person",
    confidence,
    box: [0, 0, 0.1, 0.2],
  }));
  await venue.send(frame("entrance", [], { detections: [...people, { ...people[0], class: "car" }] }));
  const shown = async () => JSON.parse((await page.locator("#people").textContent()) || "null");
  await until("two people are counted", async () => (await shown())?.["north/entrance"] === 2);
});
