import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launch, openPage, PHONE } from "./browser.mjs";
import { everywhere, makeUser, openSignedIn, signIn } from "./session.mjs";
import { address, makeVenue, request, until } from "./system.mjs";

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser.close());

const main = (page) => page.getByRole("main");
const menu = (page) => page.getByRole("navigation", { name: "Pages" });

test("signing in opens the pages, signing out closes them", async (t) => {
  const user = await makeUser(t, everywhere("admin"), { display_name: "Anna Berg" });
  const page = await openPage(t, browser);
  await page.goto(address);
  await signIn(page, user);
  await menu(page).getByRole("link", { name: "Overview" }).waitFor();
  await page.getByText("Anna Berg").waitFor();
  const cookie = (await page.context().cookies()).find(({ name }) => name.endsWith("citytrack_session"));
  assert.ok(cookie?.httpOnly && cookie.sameSite === "Lax", "scripts cannot read the session");

  await page.getByRole("button", { name: "Sign out" }).click();
  await page.waitForURL(`${address}/sign-in`);
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
  await page.goto(`${address}/users`);
  await page.getByText("Sign in to see this page").waitFor();
});

test("a wrong password is refused, and too many attempts have to wait", async (t) => {
  const user = await makeUser(t, everywhere("viewer"));
  const page = await openPage(t, browser, { expected: /401|429/ });
  await page.goto(`${address}/sign-in`);
  await signIn(page, { ...user, password: "not the password" });
  await page.getByRole("alert").getByText("The user name or the password is not right").waitFor();
  const refused = page.getByRole("alert").getByText(/There were too many attempts/);
  await until("further attempts have to wait", async () => {
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("button", { name: "Sign in" }).waitFor();
    return refused.isVisible();
  });
  await refused.getByText(/\d+ (seconds|minutes)/).waitFor();
});

test("when the session has ended, one signs in and is back where one was", async (t) => {
  const user = await makeUser(t, everywhere("admin"));
  const page = await openPage(t, browser, { expected: /401/ });
  await openSignedIn(page, user, "/audit?action=venue");
  await page.getByRole("heading", { name: "Audit log" }).waitFor();
  await page.context().clearCookies();
  await page.getByLabel("About").selectOption("user");
  await page.getByText("Your session has ended").waitFor();
  assert.equal(page.url(), `${address}/audit?action=user`);
  await signIn(page, user);
  await page.getByRole("heading", { name: "Audit log" }).waitFor();
  assert.equal(page.url(), `${address}/audit?action=user`);
  assert.equal(await page.getByLabel("About").inputValue(), "user");
});

test("a viewer sees no administration", async (t) => {
  const venue = await makeVenue(t, { name: "Seen venue" });
  const other = await makeVenue(t, { name: "Hidden venue" });
  const user = await makeUser(t, [{ venue: venue.slug, role: "viewer" }]);
  const page = await openPage(t, browser, { expected: /403/ });
  await openSignedIn(page, user, "/venues");
  await page.getByRole("heading", { name: "Seen venue" }).waitFor();
  assert.equal(await page.getByText("Hidden venue").count(), 0);
  assert.equal(await page.getByRole("button", { name: /Create|Edit|Retire/ }).count(), 0);
  for (const name of ["Users", "Audit log", "Tokens and links", "Nodes", "System"]) {
    assert.equal(await menu(page).getByRole("link", { name }).count(), 0, name);
  }
  assert.ok(other.slug);
  await page.goto(`${address}/users`);
  await page.getByRole("heading", { name: "This page is not for your role" }).waitFor();
});

test("the password can be changed, and only with the current one", async (t) => {
  const user = await makeUser(t, everywhere("viewer"));
  const page = await openPage(t, browser, { expected: /40[13]|422/ });
  await openSignedIn(page, user, "/account");
  const change = async (current, next) => {
    await page.getByLabel("Current password").fill(current);
    await page.getByLabel("New password").fill(next);
    await page.getByRole("button", { name: "Change password" }).click();
  };
  const next = "a quite different one 7";
  await change("not the current one", next);
  await main(page).getByRole("alert").waitFor();
  await change(user.password, "short");
  await main(page).getByRole("alert").getByText("at least").waitFor();
  await change(user.password, next);
  await page.getByText("Your password is changed").waitFor();

  await page.getByRole("button", { name: "Sign out" }).click();
  await signIn(page, { ...user, password: next });
  await menu(page).waitFor();
});

test("the theme that was chosen is there from the first moment, whatever the system's is", async (t) => {
  const page = await openPage(t, browser, { colorScheme: "light" });
  await page.goto(address);
  const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  await page.getByRole("radio", { name: "Dark" }).check({ force: true });
  assert.equal(await ground(), "rgb(16, 22, 28)");
  await page.reload({ waitUntil: "commit" });
  await page.locator("body").waitFor();
  assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), "dark");
  await page.getByRole("radio", { name: "Like the system" }).check({ force: true });
  assert.equal(await ground(), "rgb(245, 247, 248)");
});

test("a page whose program cannot be loaded says so, and can be loaded again", async (t) => {
  const user = await makeUser(t, everywhere("admin"));
  const page = await openPage(t, browser, { expected: /Failed to (load|fetch)|ERR_FAILED/ });
  await openSignedIn(page, user, "/account");
  await page.getByRole("heading", { name: "Your account" }).waitFor();
  await page.route(/assets\/users-/, (route) => route.abort());
  await menu(page).getByRole("link", { name: "Users" }).click();
  await page.getByRole("heading", { name: "This page could not be loaded" }).waitFor();
  await page.unroute(/assets\/users-/);
  await page.getByRole("button", { name: "Load again" }).click();
  await page.getByRole("heading", { name: "Users" }).waitFor();
});

test("on a phone the menu works with the keyboard, and closes when one goes somewhere", async (t) => {
  const user = await makeUser(t, everywhere("admin"));
  const page = await openPage(t, browser, { viewport: PHONE });
  await openSignedIn(page, user, "/account");
  await page.getByRole("heading", { name: "Your account" }).waitFor();
  assert.equal(await menu(page).isVisible(), false);
  const button = page.getByRole("button", { name: "Menu" });
  await button.focus();
  await page.keyboard.press("Enter");
  await menu(page).waitFor();
  await page.keyboard.press("Escape");
  assert.equal(await menu(page).isVisible(), false);
  assert.equal(await button.evaluate((element) => element === document.activeElement), true);
  await page.keyboard.press("Enter");
  await menu(page).getByRole("link", { name: "Users" }).press("Enter");
  await page.getByRole("heading", { name: "Users" }).waitFor();
  assert.equal(await menu(page).isVisible(), false);
  assert.equal(await page.evaluate(() => document.activeElement?.id), "content");
});

test("the first page of a visitor and of a user are small", async (t) => {
  const user = await makeUser(t, everywhere("admin"));
  for (const path of ["/sign-in", "/users"]) {
    const page = await openPage(t, browser);
    const session = await page.context().newCDPSession(page);
    await session.send("Network.enable");
    let bytes = 0;
    session.on("Network.loadingFinished", ({ encodedDataLength }) => (bytes += encodedDataLength));
    if (path === "/users") await openSignedIn(page, user, path);
    else await page.goto(address + path);
    await page.getByRole("heading", { level: 1 }).waitFor();
    await page.waitForLoadState("networkidle");
    assert.ok(bytes > 1_000 && bytes < 80_000, `${path}: ${bytes} bytes`);
  }
});

test("changes without the CSRF token are refused", async (t) => {
  const user = await makeUser(t, everywhere("admin"));
  const page = await openPage(t, browser);
  await openSignedIn(page, user, "/account");
  const forged = await page.request.post(`${address}/api/v1/viewer-tokens`, { data: { venues: ["x"] } });
  assert.equal(forged.status(), 403);
  assert.ok(await request("GET", "/api/v1/users"));
});
