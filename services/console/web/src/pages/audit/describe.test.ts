import { expect, test } from "vitest";
import { describe, differences, SUBJECTS } from "./describe";

test.each([
  ["venue.updated", "Changed venue"],
  ["venue.created", "Created venue"],
  ["node-key.revoked", "Revoked node key"],
  ["api-token.created", "Created API token"],
  ["user-role.created", "Gave a role to"],
  ["user-role.updated", "Changed role of"],
  ["user-role.deleted", "Took a role from"],
  ["user.signed-in", "Signed in:"],
  ["new-thing.made-up", "Made up new thing"],
])("%s is told as %j", (action, told) => expect(describe(action)).toBe(told));

test("a difference names what changed, and leaves out what is empty", () => {
  const before = { name: "Old", retired_at: null, limits: [1] };
  const after = { name: "New", retired_at: null, limits: null };
  expect(differences({ before, after })).toEqual([
    { field: "name", before: "Old", after: "New" },
    { field: "limits", before: "[1]", after: undefined },
  ]);
  expect(differences({ before: null, after: { slug: "demo", title: null } })).toEqual([
    { field: "slug", before: undefined, after: "demo" },
  ]);
  expect(differences({ before: null, after: { id: "7", user_id: "8", created_at: "…" } })).toEqual([]);
  expect(differences({ before: { password_hash: "a" }, after: { password_hash: "b" } })).toHaveLength(1);
  expect(differences({ before: null, after: null })).toEqual([]);
});

test("things can be chosen by their names", () => {
  expect(SUBJECTS).toContainEqual(["node-key", "Node keys"]);
  expect(SUBJECTS).toContainEqual(["user-role", "Roles"]);
});
