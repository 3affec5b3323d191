import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { findings, overflow } from "./axe.mjs";
import { launch, openPage, PHONE } from "./browser.mjs";
import { sendHistory } from "./history.mjs";
import { everywhere, makeUser, openSignedIn } from "./session.mjs";
import { address, makeVenue } from "./system.mjs";

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser.close());

/** The last four days, by hours: nodes may not bring what is older than a week. */
const HOURS = [...Array(96).keys()].map((hour) => -hour);

/** A venue with a past, and its statistics opened by somebody who may see it. */
async function openStatistics(t, query, options = {}) {
  const venue = await makeVenue(t, { name: "Counted square" });
  const history = await sendHistory(venue, ["entrance", "yard"], HOURS, (hour, camera) =>
    camera === "entrance" ? 6 : hour > -48 ? 3 : 2,
  );
  const user = await makeUser(t, everywhere("viewer"));
  const page = await openPage(t, browser, { timezoneId: "Europe/Berlin", ...options });
  await openSignedIn(page, user, `/statistics?venue=${venue.slug}${query}`);
  await page.getByRole("heading", { name: "Whole range" }).waitFor();
  return { page, venue, history };
}

const chart = (page) => page.getByRole("slider", { name: /over time/ });
const total = (page, row) => page.getByRole("row", { name: new RegExp(`^${row}`) }).getByRole("cell");
const settled = (page) => page.locator(".answer[aria-busy=false]").waitFor();

test("what is chosen is counted, and stands in the address, which shows the same in a new tab", async (t) => {
  const { page, venue } = await openStatistics(t, "&range=28d");
  await total(page, "All").first().getByText("816").waitFor(); // 48 hours with 6 and 3, and 48 with 6 and 2

  await page.getByRole("button", { name: /A line for each/ }).click();
  await page.getByRole("group", { name: "A line for each" }).getByLabel("Camera").check();
  await page.keyboard.press("Escape");
  await page.getByLabel("Measure").selectOption("tracks");
  await page.getByLabel("Compared with").selectOption("7d");
  await page.getByLabel("A value for each").selectOption("1w");
  await total(page, "north/entrance").first().waitFor();
  await page.getByRole("columnheader", { name: "A week before" }).waitFor();
  await page.getByText("tracks are counted exactly").waitFor();
  await settled(page);
  assert.equal(
    new URL(page.url()).search,
    `?venue=${venue.slug}&range=28d&measure=tracks&bucket=1w&group=camera&compare=7d`,
  );

  const rows = (page) => page.getByRole("table", { name: "Whole range" }).innerText();
  const tab = await page.context().newPage();
  await tab.goto(page.url());
  await settled(tab);
  await total(tab, "north/entrance").first().waitFor();
  assert.equal(await rows(tab), await rows(page));
  assert.equal(await tab.getByLabel("Measure").inputValue(), "tracks");
});

test("back goes to the question before, and many changes at once are one step", async (t) => {
  const { page } = await openStatistics(t, "&range=7d");
  await settled(page);
  const asked = [];
  page.on("request", (request) => {
    if (request.url().includes("/api/v1/counts?") && !request.url().includes("group=class"))
      asked.push(request.url());
  });
  const first = page.url();
  for (const measure of ["peak", "frames", "tracks", "mean_per_frame"])
    await page.getByLabel("Measure").selectOption(measure);
  await page.getByRole("heading", { name: "Mean per frame" }).waitFor();
  assert.ok(asked.length < 4, `asked ${asked.length} times`);
  await page.goBack();
  await page.getByRole("heading", { name: "Detections" }).waitFor();
  assert.equal(page.url(), first);
  await page.goForward();
  await page.getByRole("heading", { name: "Mean per frame" }).waitFor();
});

test("the chart is read with the keyboard, its table has the same figures, lines are switched off", async (t) => {
  const { page } = await openStatistics(t, "&range=7d&bucket=1d&group=camera&compare=1d&class=person");
  await settled(page);
  await chart(page).focus();
  await page.keyboard.press("End");
  const text = () => chart(page).getAttribute("aria-valuetext");
  const today = await text();
  assert.match(
    today,
    /^\w{3},? \d+ \w+ \d{4}\. north\/entrance: [\d,]+, the day before [\d,]+; north\/yard: [\d,]+/,
  );
  await page.keyboard.press("ArrowLeft");
  assert.notEqual(await text(), today);

  await page.getByText("Show the figures as a table").click();
  const figures = page.getByRole("region", { name: "Figures of the chart" });
  const last = (await figures.getByRole("row").last().innerText()).split("\t");
  assert.equal(
    today
      .match(/entrance: ([\d,]+), the day before ([\d,]+)/)
      .slice(1)
      .join(),
    last.slice(1, 3).join(),
  );

  await page.getByRole("button", { name: "north/yard", pressed: true }).click();
  await chart(page).focus();
  await page.keyboard.press("End");
  assert.doesNotMatch(await text(), /yard/);
});

test("dragging zooms, and a button shows the whole range again", async (t) => {
  const { page } = await openStatistics(t, "&range=7d");
  await settled(page);
  const box = await chart(page).boundingBox();
  await page.mouse.move(box.x + box.width * 0.4, box.y + 100);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.7, box.y + 100, { steps: 5 });
  await page.mouse.up();
  await page.getByRole("button", { name: "Show the whole range" }).click();
  await page.getByRole("button", { name: "Show the whole range" }).waitFor({ state: "detached" });
});

test("what of an address cannot be used is named, and the rest is used", async (t) => {
  const { page } = await openStatistics(t, ",no-such-venue&range=28d&measure=people&colour=red");
  await page.getByText("“people” is no measure; the usual is taken.").waitFor();
  await page.getByText("There is no “colour” here; it is ignored.").waitFor();
  await page.getByText("You see no venue “no-such-venue”; it is left out.").waitFor();
  await total(page, "All").first().getByText("816").waitFor();
});

test("every detection is exported, with its progress", async (t) => {
  const { page, history, venue } = await openStatistics(t, "&range=28d");
  await page.evaluate(() => delete window.showSaveFilePicker);
  await page.getByRole("button", { name: "Export" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("What").selectOption(venue.slug);
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    dialog.getByRole("button", { name: "Save" }).click(),
  ]);
  assert.match(download.suggestedFilename(), new RegExp(`^detections-${venue.slug}-.*\\.csv$`));
  const lines = (await readFile(await download.path(), "utf8")).trimEnd().split("\n");
  assert.equal(lines.length - 1, history.expected);
  assert.match(lines[0], /^captured_at,received_at,venue,node,camera,frame,class,confidence/);
  await dialog.getByText(`${history.expected.toLocaleString("en")} rows`).waitFor();
});

for (const format of ["csv", "ndjson", "parquet"]) {
  test(`the figures of the page are saved as ${format} to the file that was chosen`, async (t) => {
    const { page } = await openStatistics(t, "&range=28d&bucket=1d&group=camera");
    // The browser's dialog cannot be pressed by a test: a file of the page's own file system is "chosen".
    await page.evaluate(() => {
      window.showSaveFilePicker = async ({ suggestedName }) => {
        const root = await navigator.storage.getDirectory();
        window.chosenFile = await root.getFileHandle(suggestedName, { create: true });
        return window.chosenFile;
      };
    });
    await page.getByRole("button", { name: "Export" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Format").selectOption(format);
    await dialog.getByRole("button", { name: "Save" }).click();
    await dialog.getByText(/^Saved counts-detections-/).waitFor();
    const text = await page.evaluate(async () => (await window.chosenFile.getFile()).text());
    if (format === "parquet") return assert.ok(text.startsWith("PAR1") && text.endsWith("PAR1"));
    // 28 days, two cameras.
    assert.equal(text.trimEnd().split("\n").length, 56 + (format === "csv" ? 1 : 0));
  });
}

test("an export that nobody waits for any more is given up", async (t) => {
  const { page, venue } = await openStatistics(t, "&range=28d");
  await page.evaluate(() => delete window.showSaveFilePicker);
  // Slow enough to be cancelled: the answer is kept back.
  let release;
  const kept = new Promise((resolve) => (release = resolve));
  await page.route("**/detections?*", async (route) => {
    await kept;
    await route.abort().catch(() => {});
  });
  await page.getByRole("button", { name: "Export" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("What").selectOption(venue.slug);
  await dialog.getByRole("button", { name: "Save" }).click();
  await dialog.getByRole("progressbar", { name: "Export" }).waitFor();
  await dialog.getByRole("button", { name: "Cancel" }).click();
  await dialog.getByRole("button", { name: "Save" }).waitFor();
  release();
});

for (const colorScheme of ["light", "dark"]) {
  test(`axe finds nothing to say about the statistics page, which fits a phone (${colorScheme})`, async (t) => {
    const { page } = await openStatistics(t, "&range=28d&group=camera,class&compare=7d&from=x", {
      colorScheme,
    });
    await settled(page);
    await page.getByText("Show the figures as a table").click();
    await page.getByRole("button", { name: /Cameras/ }).click();
    assert.deepEqual(await findings(page), []);
    await page.keyboard.press("Escape");
    await page.getByRole("button", { name: "Export" }).click();
    await page.getByRole("dialog").waitFor();
    assert.deepEqual(await findings(page), [], "export");
    await page.setViewportSize(PHONE);
    assert.equal(await overflow(page), 0);
  });
}
