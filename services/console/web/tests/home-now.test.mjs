import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { findings, overflow } from "./axe.mjs";
import { launch, openPage, PHONE } from "./browser.mjs";
import { sendHistory } from "./history.mjs";
import { makeUser, openSignedIn } from "./session.mjs";
import { frame, makeVenue } from "./system.mjs";

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser.close());

const two = [
  [0.2, 0.2, 0.1, 0.4],
  [0.5, 0.2, 0.1, 0.4],
];

/** Somebody with a role in these venues, on the overview. */
async function openHome(t, venues, { role = "operator", ...options } = {}) {
  const user = await makeUser(
    t,
    venues.map(({ slug }) => ({ venue: slug, role })),
  );
  const page = await openPage(t, browser, options);
  await openSignedIn(page, user, "/");
  return page;
}

test("several venues: who is there now, and what is unknown", async (t) => {
  const busy = await makeVenue(t, { name: "Busy square" });
  const quiet = await makeVenue(t, { name: "Quiet yard", time_zone: "Pacific/Auckland" });
  await busy.send(frame("entrance", two));
  const page = await openHome(t, [busy, quiet]);
  const tile = (name) => page.getByRole("link", { name: new RegExp(name) });
  await tile("Quiet yard").getByText("unknown").waitFor();
  await tile("Quiet yard").getByText("No camera has sent anything yet").waitFor();
  // People come, and the page is not touched: it asks by itself.
  const sending = keepSending(t, busy);
  await tile("Busy square").getByText("2 people").waitFor();
  await page.getByText("1 of 2", { exact: true }).waitFor();
  await sending.stop();
  await tile("Busy square").getByText("unknown").waitFor();
  await tile("Busy square").click();
  await page.getByRole("heading", { level: 1, name: "Busy square" }).waitFor();
});

test("the only venue gets its curve of today; a node that fell silent is named", async (t) => {
  const venue = await makeVenue(t, { name: "Only square" });
  await sendHistory(venue, ["entrance"], [0, -1, -24, -48], () => 3);
  const page = await openHome(t, [venue]);
  await page.getByRole("slider", { name: /People in view today/ }).waitFor();
  await page.getByText("the same weekday of last week").waitFor();
  const nodes = page.getByRole("region", { name: "Nodes" });
  await nodes.getByText("1 node is silent").waitFor({ timeout: 120_000 });
  await nodes.getByRole("link", { name: "North" }).waitFor();
});

test("a viewer is not told about nodes; somebody without a venue is told what to do", async (t) => {
  const venue = await makeVenue(t);
  const page = await openHome(t, [venue], { role: "viewer" });
  await page.getByRole("link", { name: venue.name }).first().waitFor();
  assert.equal(await page.getByRole("region", { name: "Nodes" }).count(), 0);
  const nobody = await openHome(t, []);
  await nobody.getByRole("heading", { name: "There is no venue yet" }).waitFor();
});

for (const colorScheme of ["light", "dark"]) {
  test(`axe finds nothing to say about the overview, which fits a phone (${colorScheme})`, async (t) => {
    const venues = [await makeVenue(t, { name: "First" }), await makeVenue(t, { name: "Second" })];
    await venues[0].send(frame("entrance", two));
    for (const shown of [venues, venues.slice(0, 1)]) {
      const page = await openHome(t, shown, { colorScheme });
      await page.getByRole("heading", { name: "Nodes" }).waitFor();
      await page.waitForFunction(() => !document.querySelector("[aria-busy=true]"));
      assert.deepEqual(await findings(page), []);
      await page.setViewportSize(PHONE);
      assert.equal(await overflow(page), 0);
    }
  });
}

/** A frame with two people, again and again. */
function keepSending(t, venue) {
  let isOver = false;
  const sent = (async () => {
    while (!isOver) {
      await venue.send(frame("entrance", two));
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  })();
  const stop = () => {
    isOver = true;
    return sent;
  };
  t.after(stop);
  return { stop };
}
