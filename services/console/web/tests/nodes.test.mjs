import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { findings, overflow } from "./axe.mjs";
import { launch, openPage, PHONE } from "./browser.mjs";
import { everywhere, makeUser, openSignedIn } from "./session.mjs";
import { frame, makeVenue, request, until } from "./system.mjs";

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser.close());

const dialog = (page) => page.getByRole("dialog");
/** What a shell prints that is given the text as it stands. */
const shell = async (text) => (await promisify(execFile)("sh", ["-c", text])).stdout;

async function openAsOperator(t, venue, path, options = {}) {
  const user = await makeUser(t, [{ venue: venue.slug, role: "operator" }]);
  const page = await openPage(t, browser, options);
  await openSignedIn(page, user, path);
  return page;
}

test("from nothing to a node that sends: create it, make a key, paste the lines into a shell; then revoke the key", async (t) => {
  const venue = await makeVenue(t, { name: "Node venue" });
  const page = await openAsOperator(t, venue, "/nodes");
  await page.getByRole("button", { name: "Create a node" }).click();
  const name = `Gate ${randomBytes(3).toString("hex")}`;
  await dialog(page).getByLabel("Name", { exact: true }).fill(name);
  await dialog(page).getByRole("button", { name: "Create node" }).click();
  await page.getByRole("heading", { level: 1, name }).waitFor();
  const now = page.getByRole("region", { name: "Now" });
  await now.getByText("Never heard of").waitFor();

  await page.getByRole("button", { name: "Make a key" }).click();
  await dialog(page).getByLabel("Label").fill("browser test");
  await dialog(page).getByRole("button", { name: "Make the key" }).click();
  const curl = await dialog(page)
    .getByRole("region", { name: "Snippet for curl" })
    .locator("pre")
    .innerText();
  const key = await dialog(page).getByLabel("Node key").inputValue();
  await dialog(page).getByRole("button", { name: "Done" }).click();
  assert.equal((await page.content()).includes(key), false, "the key is gone");
  // A key works a moment after it was made, on every instance.
  await until("the frame is taken", async () => /^HTTP\/1.1 202 /.test(await shell(curl)));
  await now.getByText("Online").waitFor();

  const row = page.getByRole("row").filter({ hasText: "browser test" });
  await row.getByRole("button", { name: "Revoke" }).click();
  await dialog(page).getByRole("button", { name: "Revoke" }).click();
  await row.getByText("Revoked").waitFor();
  await until("the key is refused", async () => /^HTTP\/1.1 401 /.test(await shell(curl)));
});

test("nodes are found by venue and by how they are; the ledger names what is missing", async (t) => {
  const venue = await makeVenue(t, { name: "Ledger venue" });
  const { nodes } = await request("GET", `/api/v1/nodes?venue=${venue.slug}`);
  const [{ id }] = nodes;
  await venue.send(frame("entrance", []));
  const { key } = await request("POST", `/api/v1/nodes/${id}/keys`, {});
  const stream = crypto.randomUUID();
  for (const seq of [0, 3]) {
    await until("the batch is taken", () =>
      request("POST", "/api/v1/detections", { stream, seq, frames: [frame("entrance", [])] }, key).catch(
        () => false,
      ),
    );
  }
  const page = await openAsOperator(t, venue, `/nodes?venue=${venue.slug}`);
  await page.getByLabel("Status").selectOption("never");
  await page.getByText("No node has this status").waitFor();
  assert.match(page.url(), /status=never/);
  await page.getByLabel("Status").selectOption("online");
  await page.getByRole("link", { name: "North" }).click();
  const ledger = page.getByRole("region", { name: "Loss ledger" });
  await ledger.getByText("2: 1–2").waitFor();
});

test("a node is renamed and retired by an administrator, and not by an operator", async (t) => {
  const venue = await makeVenue(t);
  const [{ id }] = (await request("GET", `/api/v1/nodes?venue=${venue.slug}`)).nodes;
  const operators = await openAsOperator(t, venue, `/nodes/${id}`);
  await operators.getByRole("button", { name: "Make a key" }).waitFor();
  assert.equal(await operators.getByRole("button", { name: "Retire" }).count(), 0);

  const page = await openPage(t, browser);
  await openSignedIn(page, await makeUser(t, everywhere("admin")), `/nodes/${id}`);
  await page.getByRole("button", { name: "Rename" }).click();
  await dialog(page).getByLabel("Name").fill("South");
  await dialog(page).getByRole("button", { name: "Rename" }).click();
  await page.getByRole("heading", { level: 1, name: "South" }).waitFor();
  await page.getByRole("button", { name: "Retire" }).click();
  await dialog(page).getByRole("button", { name: "Retire" }).click();
  await page.getByText("· retired").waitFor();
  assert.equal(await page.getByRole("button", { name: "Make a key" }).count(), 0);
});

for (const colorScheme of ["light", "dark"]) {
  test(`axe finds nothing to say about the pages of nodes (${colorScheme})`, async (t) => {
    const venue = await makeVenue(t);
    await venue.send(frame("entrance", []));
    const page = await openAsOperator(t, venue, "/nodes", { colorScheme });
    await page.getByRole("link", { name: "North" }).waitFor();
    assert.deepEqual(await findings(page), []);
    await page.getByRole("button", { name: "Create a node" }).click();
    assert.deepEqual(await findings(page), [], "dialog: node");
    await page.keyboard.press("Escape");
    await page.getByRole("link", { name: "North" }).click();
    await page.getByRole("row").filter({ hasText: "browser test" }).waitFor();
    assert.deepEqual(await findings(page), [], "node");
    await page.getByRole("button", { name: "Make a key" }).click();
    await dialog(page).getByRole("button", { name: "Make the key" }).click();
    await dialog(page).getByLabel("Node key").waitFor();
    assert.deepEqual(await findings(page), [], "dialog: key");
  });
}

test("the pages of nodes fit a phone", async (t) => {
  const venue = await makeVenue(t);
  await venue.send(frame("entrance", []));
  const page = await openAsOperator(t, venue, "/nodes", { viewport: PHONE, isMobile: true, hasTouch: true });
  await page.getByRole("link", { name: "North" }).waitFor();
  assert.equal(await overflow(page), 0);
  await page.getByRole("link", { name: "North" }).click();
  await page.getByRole("button", { name: "Make a key" }).click();
  await dialog(page).getByRole("button", { name: "Make the key" }).click();
  await dialog(page).getByLabel("Node key").waitFor();
  assert.equal(await overflow(page), 0);
});
