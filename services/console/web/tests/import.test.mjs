import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { findings, overflow } from "./axe.mjs";
import { launch, openPage, PHONE } from "./browser.mjs";
import { makeUser, openSignedIn } from "./session.mjs";
import { makeVenue, request } from "./system.mjs";

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser.close());

const dialog = (page) => page.getByRole("dialog");
const figure = (page, name) =>
  dialog(page).locator("dl > div").filter({ hasText: name }).locator("dd").innerText();

const CSV = `date,hour,North Gate,South Gate,weather
2026-03-02,8,10,20,4
2026-03-02,9,11,-3,4
2026-03-02,10,12,22,4
2026-03-02,10,1,2,4
`;

const file = (text, name = "Hourly counts 2026.csv") => ({
  name,
  mimeType: "text/csv",
  buffer: Buffer.from(text),
});

async function openDialog(t, options = {}) {
  const venue = await makeVenue(t, { name: "Import venue" });
  const user = await makeUser(t, [{ venue: venue.slug, role: "operator" }]);
  const page = await openPage(t, browser, options);
  await openSignedIn(page, user, "/venues");
  await page.getByRole("button", { name: "Import counts" }).click();
  await dialog(page).getByLabel("File").waitFor();
  return { page, venue };
}

const submit = (page) => dialog(page).getByRole("button", { name: "Import", exact: true }).click();

test("a file with dirty rows: what is good is stored, and every problem is told", async (t) => {
  const { page, venue } = await openDialog(t);
  await dialog(page).getByLabel("File").setInputFiles(file(CSV));
  assert.equal(await dialog(page).getByLabel("Node").inputValue(), "hourly-counts-2026");
  await dialog(page).getByLabel("Columns to leave out").fill("weather");
  await submit(page);
  await dialog(page).getByText("5 counts stored for the node hourly-counts-2026").waitFor();
  const negative = dialog(page).getByRole("row").filter({ hasText: "South Gate" }).first();
  assert.match(await negative.innerText(), /^3\s+South Gate\s.*Refused$/s);
  assert.equal(await dialog(page).getByRole("row").filter({ hasText: "Refused" }).count(), 3);
  assert.equal(await figure(page, "Sum of what is there"), String(10 + 20 + 11 + 12 + 22));
  await dialog(page).getByRole("button", { name: "Done" }).click();
  const { nodes } = await request("GET", `/api/v1/nodes?venue=${venue.slug}`);
  assert.ok(nodes.some(({ slug }) => slug === "hourly-counts-2026"));
  await page.getByRole("row", { name: /North Gate/ }).waitFor();

  await page.getByRole("button", { name: "Import counts" }).click();
  await dialog(page)
    .getByLabel("File")
    .setInputFiles(file(CSV.split("\n").slice(0, 2).join("\n")));
  await dialog(page).getByLabel("Columns to leave out").fill("weather");
  await submit(page);
  await dialog(page).getByText("all of it was there already").waitFor();
});

test("times that come twice can be added up", async (t) => {
  const { page } = await openDialog(t);
  await dialog(page).getByLabel("File").setInputFiles(file(CSV));
  await dialog(page).getByLabel("Columns to leave out").fill("weather");
  await dialog(page).getByLabel("Times that come twice").selectOption("add");
  await submit(page);
  await dialog(page).getByText("Added", { exact: true }).first().waitFor();
  assert.equal(await figure(page, "Sum of what is there"), String(10 + 20 + 11 + 12 + 22 + 1 + 2));
});

test("what is wrong is said at its field, or above the buttons", async (t) => {
  const { page } = await openDialog(t, { expected: /400/ });
  await dialog(page).getByLabel("File").setInputFiles(file(CSV));
  await dialog(page).getByLabel("Node").fill("Not A Slug");
  await submit(page);
  await dialog(page).locator("[aria-invalid=true]").waitFor();
  assert.equal(await dialog(page).locator("[aria-invalid=true]").getAttribute("name"), "node");
  await dialog(page).getByLabel("Node").fill("gates");
  await dialog(page).getByLabel("File").setInputFiles(file("nothing,of,the,kind\n"));
  await submit(page);
  await dialog(page).locator(".message.bad").waitFor();
});

test("an import that takes long shows that it goes on, and can be cancelled", async (t) => {
  const { page, venue } = await openDialog(t, { expected: /ERR_/ });
  let swallow;
  const swallowed = new Promise((resolve) => {
    swallow = resolve;
  });
  await page.route("**/imports?*", swallow);
  await dialog(page).getByLabel("File").setInputFiles(file(CSV));
  await submit(page);
  await dialog(page).getByRole("progressbar", { name: "Import" }).waitFor();
  assert.deepEqual(await findings(page), []);
  await dialog(page).getByRole("button", { name: "Cancel" }).click();
  await dialog(page).getByText("Cancelled", { exact: true }).waitFor();
  // Given up, it would be sent after all.
  await (await swallowed).abort();
  await page.unroute("**/imports?*");
  const { nodes } = await request("GET", `/api/v1/nodes?venue=${venue.slug}`);
  assert.equal(nodes.length, 1);
  await submit(page);
  await dialog(page).getByText("counts stored for the node").waitFor();
});

for (const colorScheme of ["light", "dark"]) {
  test(`axe finds nothing to say about the import and its report, and they fit a phone (${colorScheme})`, async (t) => {
    const { page } = await openDialog(t, { colorScheme, viewport: PHONE });
    assert.deepEqual(await findings(page), []);
    assert.equal(await overflow(page), 0);
    await dialog(page).getByLabel("File").setInputFiles(file(CSV));
    await submit(page);
    await dialog(page).getByRole("button", { name: "Done" }).waitFor();
    assert.deepEqual(await findings(page), []);
    assert.equal(await overflow(page), 0);
  });
}
