import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { findings, overflow } from "./axe.mjs";
import { launch, openPage, PHONE } from "./browser.mjs";
import { sendHistory } from "./history.mjs";
import { makeUser, openSignedIn } from "./session.mjs";
import { frame, makeVenue, until } from "./system.mjs";

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser.close());

/** A venue with two cameras and a past, opened by somebody who may see it. */
async function openVenue(t, options) {
  const venue = await makeVenue(t, { name: "Watched square" });
  await sendHistory(venue, ["entrance", "yard"], [0, -1, -24, -48], () => 5);
  const user = await makeUser(t, [{ venue: venue.slug, role: "viewer" }]);
  const page = await openPage(t, browser, options);
  await openSignedIn(page, user, `/venues/${venue.slug}`);
  await page.getByRole("heading", { level: 1, name: "Watched square" }).waitFor();
  return { page, venue };
}

test("live boxes, people now, and the day against another", async (t) => {
  const { page, venue } = await openVenue(t);
  await page.locator(".status.live").waitFor();
  const camera = page.getByRole("article", { name: /Camera entrance/ });
  await camera.waitFor();
  await venue.send(frame("entrance", [[0.2, 0.2, 0.1, 0.4]]));
  await camera.getByText("1 person").waitFor();
  await page.getByText("People now").waitFor();

  const day = page.getByRole("region", { name: "Today" });
  await day.getByRole("slider", { name: /People in view today/ }).waitFor();
  await day.getByText("a week before", { exact: true }).last().waitFor();
  await day.getByLabel("against").selectOption("1d");
  await day.getByRole("slider").focus();
  await page.keyboard.press("Home");
  await page.waitForFunction(() =>
    document.querySelector("[role=slider]").getAttribute("aria-valuetext").includes("the day before"),
  );
  await day.getByRole("link", { name: "Show this in the statistics" }).click();
  await page.getByRole("heading", { level: 1, name: "Statistics" }).waitFor();
  assert.equal(
    new URL(page.url()).search,
    `?venue=${venue.slug}&class=person&range=today&measure=mean_per_frame&group=camera&compare=1d`,
  );
});

test("a heatmap is drawn over the picture and told in words, for each camera, range and class", async (t) => {
  const { page, venue } = await openVenue(t);
  const heat = page.getByRole("region", { name: "Where people stand" });
  // Four of five are people: the fifth is a car.
  await heat.getByText("16 in all").waitFor();
  const picture = heat.getByRole("img", {
    name: /^Heatmap of .*entrance, last 7 days: .* of all foot points lie/,
  });
  await picture.waitFor();
  const before = await picture.evaluate((canvas) => canvas.toDataURL());
  await heat.getByLabel("Class").selectOption("car");
  await heat.getByText("4 in all").waitFor();
  assert.notEqual(await picture.evaluate((canvas) => canvas.toDataURL()), before);
  await heat.getByLabel("Camera").selectOption("north/yard");
  await heat.getByRole("img", { name: /yard/ }).waitFor();
  await heat.getByRole("link", { name: "Show these in the statistics" }).click();
  await page.waitForURL(`**/statistics?venue=${venue.slug}&camera=north/yard&class=car`);
});

test("a venue that one may not see is not shown", async (t) => {
  const other = await makeVenue(t, { name: "Secret yard" });
  const { page } = await openVenue(t);
  await page.evaluate((slug) => history.pushState(null, "", `/venues/${slug}`), other.slug);
  await page.reload();
  await page.getByRole("heading", { name: `You see no venue “${other.slug}”` }).waitFor();
  assert.equal(await page.getByText("Secret yard").count(), 0);
});

for (const colorScheme of ["light", "dark"]) {
  test(`axe finds nothing to say about the venue page, which fits a phone (${colorScheme})`, async (t) => {
    const { page } = await openVenue(t, { colorScheme });
    await page.getByText(/ in all$/).waitFor();
    await page.getByRole("slider").waitFor();
    assert.deepEqual(await findings(page), []);
    await page.setViewportSize(PHONE);
    // The charts are drawn anew a moment later.
    await until("it fits", async () => (await overflow(page)) === 0);
  });
}
