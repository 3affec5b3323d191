import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, before, test } from "node:test";
import { launch, openPage } from "./browser.mjs";
import { everywhere, makeUser, openSignedIn, signIn } from "./session.mjs";
import { address, frame, makeVenue, request, until } from "./system.mjs";

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser.close());

const dialog = (page) => page.getByRole("dialog");
const rowOf = (page, text) => page.getByRole("row").filter({ hasText: text });
const random = () => randomBytes(5).toString("hex");

async function openAsAdmin(t, path, options = {}) {
  const user = await makeUser(t, everywhere("admin"), { display_name: "Admin Person" });
  const page = await openPage(t, browser, options);
  await openSignedIn(page, user, path);
  return { page, user };
}

test("a user is created with a role, changed, disabled, and let in again", async (t) => {
  const venue = await makeVenue(t, { name: "User venue" });
  const { page } = await openAsAdmin(t, "/users", { expected: /401/ });
  const name = `web-${random()}`;
  await page.getByRole("button", { name: "Create a user" }).click();
  await dialog(page).getByLabel("User name").fill(name);
  await dialog(page).getByLabel("Name", { exact: true }).fill("Carla Neu");
  await dialog(page).getByRole("button", { name: "Make one up" }).click();
  const password = await dialog(page).getByLabel("Password", { exact: true }).inputValue();
  await dialog(page).getByLabel("Where").selectOption(venue.slug);
  await dialog(page).getByRole("button", { name: "Create user" }).click();
  await rowOf(page, name).getByText("Viewer · User venue").waitFor();
  const id = (await request("GET", "/api/v1/users")).users.find((user) => user.name === name).id;
  t.after(() => request("PATCH", `/api/v1/users/${id}`, { disabled: true }));

  const theirs = await openPage(t, browser, { expected: /401/ });
  await theirs.goto(address);
  await signIn(theirs, { name, password });
  await theirs.getByRole("navigation", { name: "Pages" }).waitFor();
  assert.equal(await theirs.getByRole("link", { name: "Users" }).count(), 0);

  await page.getByRole("button", { name: `Edit ${name}` }).click();
  await dialog(page).getByLabel("Role for User venue").selectOption("operator");
  await dialog(page).getByRole("button", { name: "Save" }).click();
  await rowOf(page, name).getByText("Operator · User venue").waitFor();

  await page.getByRole("button", { name: `Disable ${name}` }).click();
  await dialog(page).getByText("is signed out everywhere at once").waitFor();
  await dialog(page).getByRole("button", { name: "Disable" }).click();
  await rowOf(page, name).getByText("Disabled").waitFor();
  await theirs.getByRole("link", { name: "Venues and cameras" }).click();
  await theirs.getByText("Your session has ended").waitFor();
});

test("what is wrong with a user is said at its field", async (t) => {
  const { page, user } = await openAsAdmin(t, "/users", { expected: /409|422/ });
  await page.getByRole("button", { name: "Create a user" }).click();
  await dialog(page).getByLabel("User name").fill("Not A Name!");
  await dialog(page).getByLabel("Password", { exact: true }).fill("short");
  await dialog(page).getByRole("button", { name: "Create user" }).click();
  await until("both fields are marked", async () => {
    return (await dialog(page).locator("[aria-invalid=true]").count()) === 2;
  });
  await dialog(page)
    .getByText(/at least 12 characters/i)
    .first()
    .waitFor();
  await dialog(page).getByLabel("User name").fill(user.name);
  await dialog(page).getByRole("button", { name: "Make one up" }).click();
  await dialog(page).getByRole("button", { name: "Create user" }).click();
  await dialog(page).getByRole("alert").first().waitFor();
  await page.keyboard.press("Escape");
  assert.equal(await dialog(page).count(), 0);
  const focused = await page.evaluate(() => document.activeElement?.textContent);
  assert.equal(focused, "Create a user", "the focus is back where it was");
});

test("an API token is shown once, works, and is revoked", async (t) => {
  const { page } = await openAsAdmin(t, "/tokens");
  const name = `token ${random()}`;
  await page.getByRole("button", { name: "Create a token" }).click();
  await dialog(page).getByLabel("Name").fill(name);
  await dialog(page).getByRole("button", { name: "Create token" }).click();
  const token = await dialog(page).getByLabel("API token").inputValue();
  assert.match(token, /^ct_/);
  await dialog(page).getByRole("button", { name: "Copy token" }).click();
  await dialog(page)
    .getByRole("button", { name: /Copied/ })
    .waitFor();
  await dialog(page).getByRole("button", { name: "Done" }).click();
  assert.equal((await page.content()).includes(token), false, "it is gone");
  assert.ok((await request("GET", "/api/v1/venues", undefined, token)).venues);

  await rowOf(page, name).getByRole("button", { name: "Revoke" }).click();
  await dialog(page).getByRole("button", { name: "Revoke" }).click();
  await rowOf(page, name).getByText("Revoked").waitFor();
  await assert.rejects(request("GET", "/api/v1/venues", undefined, token), /answered 401/);
});

test("a viewer link that was made here opens the live page of that venue, of some cameras", async (t) => {
  const venue = await makeVenue(t, { name: "Link venue" });
  await venue.send(frame("entrance", [[0.1, 0.1, 0.1, 0.3]]), frame("exit", []));
  await until("both cameras are known", async () => {
    const { cameras } = await request("GET", `/api/v1/venues/${venue.slug}/cameras`);
    return cameras.length === 2;
  });
  const user = await makeUser(t, [{ venue: venue.slug, role: "operator" }]);
  const page = await openPage(t, browser);
  await openSignedIn(page, user, "/tokens");
  assert.equal(await page.getByRole("heading", { name: "API tokens" }).count(), 0, "not for operators");
  await page.getByLabel("Only some of the cameras").check();
  await page.getByLabel("north/exit").check();
  await page.getByLabel("Ends after").selectOption("1h");
  await page.getByRole("button", { name: "Make the link" }).click();
  const link = await page.getByRole("textbox", { name: "Viewer link" }).inputValue();

  const watching = await openPage(t, browser);
  await watching.goto(link);
  await watching.getByRole("heading", { level: 1, name: "Link venue" }).waitFor();
  await watching.getByRole("article", { name: "Camera exit" }).waitFor();
  assert.equal(await watching.getByRole("article").count(), 1);
  assert.equal(await watching.getByRole("navigation", { name: "Pages" }).count(), 0, "nothing but live");
});

test("a venue is created, renamed, and retired; the audit log shows what was before and after", async (t) => {
  const { page, user } = await openAsAdmin(t, "/venues");
  const name = `Web venue ${random()}`;
  const slug = name.toLowerCase().replaceAll(" ", "-");
  await page.getByRole("button", { name: "Create a venue" }).first().click();
  await dialog(page).getByLabel("Name", { exact: true }).fill(name);
  assert.equal(await dialog(page).getByLabel("Short name").inputValue(), slug);
  await dialog(page).getByLabel("Time zone").fill("Asia/Kolkata");
  await dialog(page).getByText("GMT+5:30").waitFor();
  await dialog(page).getByRole("button", { name: "Create venue" }).click();
  await page.getByRole("heading", { name }).waitFor();

  await page.getByRole("button", { name: `Edit ${name}` }).click();
  await dialog(page).getByLabel("Name", { exact: true }).fill(`${name} new`);
  await dialog(page).getByRole("button", { name: "Save" }).click();
  await page.getByRole("heading", { name: `${name} new` }).waitFor();

  await page.getByRole("link", { name: "Audit log" }).click();
  await page.getByLabel("By").fill(user.name);
  await page.getByLabel("By").press("Enter");
  const changed = page.getByRole("listitem").filter({ hasText: `Changed venue ${slug}` });
  await changed.locator("del", { hasText: name }).waitFor();
  await changed.locator("ins", { hasText: `${name} new` }).waitFor();
  await changed.getByText(user.name).waitFor();
  assert.match(page.url(), new RegExp(`actor=${user.name}`));
  assert.equal(await changed.getByRole("row", { name: /slug/ }).count(), 0, "only what changed");

  await page.getByRole("link", { name: "Venues and cameras" }).click();
  await page.getByRole("button", { name: `Retire ${name} new` }).click();
  await dialog(page).getByText("cannot be brought back").waitFor();
  await dialog(page).getByRole("button", { name: "Retire" }).click();
  await until(
    "it is gone",
    async () => (await page.getByRole("heading", { name: `${name} new` }).count()) === 0,
  );
});

test("a camera is given a title", async (t) => {
  const venue = await makeVenue(t, { name: `Camera venue ${random()}` });
  await venue.send(frame("entrance", []));
  await until("the camera is known", async () => {
    const { cameras } = await request("GET", `/api/v1/venues/${venue.slug}/cameras`);
    return cameras.length === 1;
  });
  const user = await makeUser(t, [{ venue: venue.slug, role: "operator" }]);
  const page = await openPage(t, browser);
  await openSignedIn(page, user, "/venues");
  await page.getByRole("button", { name: "Give a title of entrance" }).click();
  await dialog(page).getByLabel("Title").fill("Front door");
  await dialog(page).getByLabel("Title").press("Enter");
  await rowOf(page, "Front door").getByText("north/entrance").waitFor();
  const { cameras } = await request("GET", `/api/v1/venues/${venue.slug}/cameras`);
  assert.equal(cameras[0].title, "Front door");
});

test("a user is created with the keyboard alone", async (t) => {
  const { page } = await openAsAdmin(t, "/users");
  await page.getByRole("heading", { name: "Users" }).waitFor();
  await page.getByRole("button", { name: "Create a user" }).focus();
  await page.keyboard.press("Enter");
  const name = `web-${random()}`;
  await until("the first field has the focus", () =>
    page.evaluate(() => document.activeElement?.getAttribute("name") === "name"),
  );
  await page.keyboard.type(name);
  await page.keyboard.press("Tab");
  await page.keyboard.type("Keyboard Person");
  await page.keyboard.press("Tab");
  await page.keyboard.type(`with the keys ${random()}`);
  await page.keyboard.press("Enter");
  await rowOf(page, name).waitFor();
  const { users } = await request("GET", "/api/v1/users");
  await request("PATCH", `/api/v1/users/${users.find((user) => user.name === name).id}`, { disabled: true });
});
