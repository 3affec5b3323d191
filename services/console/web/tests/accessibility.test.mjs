import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { findings } from "./axe.mjs";
import { launch, openPage, PHONE, widthOfContent } from "./browser.mjs";
import { everywhere, makeUser, openSignedIn } from "./session.mjs";
import { address, frame, makeVenue, viewerToken } from "./system.mjs";

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser.close());

/** Every page for people who are signed in, and what can be opened on it. */
const PAGES = [
  { path: "/account", heading: "Your account" },
  { path: "/users", heading: "Users", dialog: "Create a user" },
  { path: "/tokens", heading: "Tokens and links", dialog: "Create a token" },
  { path: "/audit", heading: "Audit log" },
  { path: "/venues", heading: "Venues and cameras", dialog: "Create a venue" },
  { path: "/no/such/page", heading: "There is no such page" },
];

for (const colorScheme of ["light", "dark"]) {
  test(`axe finds nothing to say about the sign-in page (${colorScheme})`, async (t) => {
    const page = await openPage(t, browser, { colorScheme });
    await page.goto(address);
    await page.getByRole("heading", { level: 1 }).waitFor();
    assert.deepEqual(await findings(page), []);
  });

  test(`axe finds nothing to say about the pages of administration (${colorScheme})`, async (t) => {
    await makeVenue(t, { name: "Axe venue" });
    const user = await makeUser(t, everywhere("admin"));
    // A page that does not exist is told so by its status, too.
    const page = await openPage(t, browser, { colorScheme, expected: /404/ });
    await openSignedIn(page, user, "/account");
    for (const { path, heading, dialog } of PAGES) {
      await page.goto(address + path);
      await page.getByRole("heading", { level: 1, name: heading }).waitFor();
      await page.waitForLoadState("networkidle");
      assert.deepEqual(await findings(page), [], path);
      if (!dialog) continue;
      await page.getByRole("button", { name: dialog }).first().click();
      await page.getByRole("dialog").waitFor();
      assert.deepEqual(await findings(page), [], `${path}: ${dialog}`);
    }
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

test("the pages of administration fit a phone", async (t) => {
  await makeVenue(t, { name: "A venue with quite a long name for such a narrow screen" });
  const user = await makeUser(t, everywhere("admin"), { display_name: "Somebody-With A-Very-Long-Name" });
  const page = await openPage(t, browser, {
    viewport: PHONE,
    isMobile: true,
    hasTouch: true,
    expected: /404/,
  });
  await openSignedIn(page, user, "/account");
  for (const { path, heading } of PAGES) {
    await page.goto(address + path);
    await page.getByRole("heading", { level: 1, name: heading }).waitFor();
    await page.waitForLoadState("networkidle");
    assert.equal(await widthOfContent(page), PHONE.width, path);
  }
});
