import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { findings, overflow } from "./axe.mjs";
import { launch, openPage, PHONE } from "./browser.mjs";
import { everywhere, makeUser, openSignedIn } from "./session.mjs";
import { frame, makeVenue } from "./system.mjs";

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser.close());

async function openSystem(t, options = {}) {
  const page = await openPage(t, browser, options);
  await openSignedIn(page, await makeUser(t, everywhere("operator")), "/system");
  return page;
}

test("every service is ready, with its version; queues have a length, and detections an age", async (t) => {
  const venue = await makeVenue(t);
  await venue.send(frame("entrance", []));
  const page = await openSystem(t);
  await page.getByText("all are ready").waitFor();
  for (const service of ["gateway", "ingest-api", "worker", "realtime-ws", "stats", "console"]) {
    const row = page.getByRole("row", { name: new RegExp(`^${service}`) }).first();
    await row.getByText("Ready", { exact: true }).waitFor();
    assert.match(await row.innerText(), /\d+\.\d+\.\d+/, service);
  }
  await page.getByRole("row", { name: /^Dead letters/ }).waitFor();
  await page.getByRole("row", { name: /^When stored.* (ms|s|min) / }).waitFor();
});

test("the page asks again by itself, and says so when it cannot", async (t) => {
  const page = await openSystem(t, { expected: /ERR_FAILED/ });
  const asked = () => page.getByText(/^Asked at/).innerText();
  await page.getByText("all are ready").waitFor();
  const first = await asked();
  await page.waitForFunction(
    (first) =>
      [...document.querySelectorAll("p")].some(
        (p) => p.innerText.startsWith("Asked at") && p.innerText !== first,
      ),
    first,
  );
  await page.route("**/api/v1/system", (route) => route.abort());
  await page.getByText("could not be loaded again").waitFor();
  await page.getByText("all are ready").waitFor();
});

test("who is only a viewer does not see the page", async (t) => {
  const page = await openPage(t, browser);
  await openSignedIn(page, await makeUser(t, everywhere("viewer")), "/system");
  await page.getByRole("navigation", { name: "Pages" }).waitFor();
  assert.equal(await page.getByRole("heading", { name: "Services" }).count(), 0);
  assert.equal(await page.getByRole("link", { name: "System" }).count(), 0);
});

for (const colorScheme of ["light", "dark"]) {
  test(`axe finds nothing to say about the system page, and it fits a phone (${colorScheme})`, async (t) => {
    const page = await openSystem(t, { colorScheme, viewport: PHONE });
    await page.getByText("all are ready").waitFor();
    assert.deepEqual(await findings(page), []);
    assert.equal(await overflow(page), 0);
    await page.setViewportSize({ width: 1280, height: 900 });
    assert.deepEqual(await findings(page), []);
  });
}
