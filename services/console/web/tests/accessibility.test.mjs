import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import axe from "axe-core";
import { launch, openPage } from "./browser.mjs";
import { address, frame, makeVenue, viewerToken } from "./system.mjs";

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser.close());

/** What axe finds wrong with the page, as short lines. */
async function findings(page) {
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate(() => window.axe.run());
  return violations.map(
    ({ id, help, nodes }) => `${id}: ${help}: ${nodes.map((node) => node.target).join(" ")}`,
  );
}

for (const colorScheme of ["light", "dark"]) {
  test(`axe finds nothing to say about the home page (${colorScheme})`, async (t) => {
    const page = await openPage(t, browser, { colorScheme });
    await page.goto(address);
    await page.getByRole("heading", { level: 1 }).waitFor();
    assert.deepEqual(await findings(page), []);
  });

  test(`axe finds nothing to say about the live page (${colorScheme})`, async (t) => {
    const venue = await makeVenue(t);
    const page = await openPage(t, browser, { colorScheme });
    await page.goto(`${address}/live#token=${await viewerToken([venue])}`);
    await page.locator(".status.live").waitFor();
    await venue.send(frame("entrance", [[0.2, 0.2, 0.1, 0.4]]));
    await page.getByRole("article").waitFor();
    await page.getByText("Show the figures as a table").click();
    await page.getByRole("row").first().waitFor();
    assert.deepEqual(await findings(page), []);
  });
}
