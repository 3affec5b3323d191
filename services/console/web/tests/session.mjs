// People who use the console: made through the API, signed in through the page or beside it.
import { randomBytes } from "node:crypto";
import { address, request } from "./system.mjs";

/** A user of the test's own, disabled when the test is over. `roles`: `[{venue: null, role: "viewer"}]` */
export async function makeUser(t, roles, { display_name = "Test Person" } = {}) {
  const user = {
    name: `web-${randomBytes(5).toString("hex")}`,
    display_name,
    password: `test ${randomBytes(12).toString("hex")}`,
    roles,
  };
  const { id } = await request("POST", "/api/v1/users", user);
  t.after(() => request("PATCH", `/api/v1/users/${id}`, { disabled: true }));
  return { ...user, id };
}

export const everywhere = (role) => [{ venue: null, role }];

/** Signs in as a person does. */
export async function signIn(page, { name, password }) {
  await page.getByLabel("User name").fill(name);
  await page.getByLabel("Password", { exact: true }).fill(password);
  await page.getByRole("button", { name: "Sign in" }).click();
}

/** Signs in beside the page, and opens `path`: for tests that are about something else. */
export async function openSignedIn(page, user, path) {
  const response = await page.request.post(`${address}/api/v1/session`, {
    data: { name: user.name, password: user.password },
  });
  if (!response.ok()) throw new Error(`sign-in answered ${response.status()}: ${await response.text()}`);
  await page.addInitScript(() => localStorage.setItem("citytrack.signed-in", "1"));
  await page.goto(address + path);
}
