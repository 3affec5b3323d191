import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launch, openPage, PHONE, widthOfContent } from "./browser.mjs";
import { address, makeVenue, viewerToken } from "./system.mjs";

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser.close());

test("the sign-in page says what CityTrack is, and how its parts fit together", async (t) => {
  const page = await openPage(t, browser);
  await page.goto(address);
  await page.getByRole("heading", { level: 1, name: /see what your cameras count/i }).waitFor();
  await page.getByText("takes in the detections of small camera nodes").waitFor();
  const picture = page.getByRole("img", { name: /How the parts of CityTrack fit together/ });
  for (const part of ["gateway", "ingest-api", "RabbitMQ", "worker", "PostgreSQL", "realtime-ws", "stats"]) {
    await picture.getByText(part, { exact: true }).waitFor();
  }
});

test("a pasted viewer link opens the live page, anything else is explained", async (t) => {
  const venue = await makeVenue(t);
  const token = await viewerToken([venue]);
  const page = await openPage(t, browser);
  await page.goto(address);
  await page.getByText("Have you got a viewer link?").click();
  const field = page.getByLabel("Viewer link or token");
  await field.fill("hello");
  await field.press("Enter");
  await page.getByText("This is not a viewer link").waitFor();
  await field.fill(`${address}/live#token=${token}`);
  await page.getByRole("button", { name: "Open" }).click();
  await page.waitForURL(`${address}/live?venue=${venue.slug}`);
  await page.getByRole("heading", { level: 1, name: venue.name }).waitFor();

  await page.getByRole("link", { name: "CityTrack, home" }).click();
  await page.getByRole("link", { name: "Open the live page" }).waitFor();
  await page.goBack();
  await page.getByRole("heading", { level: 1, name: venue.name }).waitFor();
});

test("an address that does not exist leads back", async (t) => {
  const page = await openPage(t, browser, { expected: /404/ });
  await page.goto(`${address}/no/such/page`);
  await page.getByRole("heading", { name: "There is no such page" }).waitFor();
  await page.getByRole("main").getByRole("link", { name: "the home page" }).click();
  await page.getByRole("heading", { name: /see what your cameras count/i }).waitFor();
});

test("the keyboard gets past the navigation to the content", async (t) => {
  const page = await openPage(t, browser);
  await page.goto(address);
  await page.getByRole("heading", { level: 1 }).waitFor();
  await page.keyboard.press("Tab");
  await page.getByRole("link", { name: "Skip to the content" }).press("Enter");
  assert.equal(await page.evaluate(() => document.activeElement?.id), "content");
});

test("the sign-in page fits a phone", async (t) => {
  const page = await openPage(t, browser, { viewport: PHONE, isMobile: true, hasTouch: true });
  await page.goto(address);
  await page.getByRole("heading", { level: 1 }).waitFor();
  assert.equal(await widthOfContent(page), PHONE.width);
});

test("the sign-in page follows the colour scheme of the system", async (t) => {
  const page = await openPage(t, browser, { colorScheme: "dark" });
  await page.goto(address);
  await page.getByRole("heading", { level: 1 }).waitFor();
  const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  assert.equal(await ground(), "rgb(16, 22, 28)");
  await page.emulateMedia({ colorScheme: "light" });
  await page.locator("html[data-theme=light]").waitFor();
  assert.equal(await ground(), "rgb(245, 247, 248)");
});
