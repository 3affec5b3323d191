import type { ActorKind, AuditEntry } from "../../api/audit";
import { sentence } from "../../api/client";

/** What was changed, as the first part of an action (`node-key.created`) says it. */
const THINGS: Record<string, string> = {
  venue: "venue",
  node: "node",
  "node-key": "node key",
  camera: "camera",
  user: "user",
  "user-role": "role of",
  "api-token": "API token",
  "viewer-token": "viewer link",
  import: "import",
  original: "original",
};

const DONE: Record<string, string> = { updated: "changed", deleted: "removed" };
/** What cannot be told as "did something to a thing". */
const SPECIAL: Record<string, string> = {
  "user-role.created": "Gave a role to",
  "user-role.deleted": "Took a role from",
  "api-token-role.created": "Gave a role to API token",
  "api-token-role.deleted": "Took a role from API token",
  "user.signed-in": "Signed in:",
  "user.signed-out": "Signed out:",
  "user.sign-in-failed": "Could not sign in:",
  "original.deleted": "Deleted the original of picture",
  "original.viewed": "Looked at the original of picture",
  "viewer-token.created": "Made a viewer link to",
};

export const ACTOR_KINDS: Record<ActorKind, string> = {
  user: "user",
  "api-token": "API token",
  "administrator-token": "administrator token",
  "viewer-token": "viewer link",
  command: "command line",
  database: "in the database",
};

/** The kinds of things that entries are about, for a choice. */
export const SUBJECTS: [value: string, label: string][] = Object.keys(THINGS).map((kind) => [
  kind,
  kind === "user-role" ? "Roles" : sentence(`${THINGS[kind]}s`).slice(0, -1),
]);

/** `venue.updated` is "Changed venue". The subject follows. */
export function describe(action: string): string {
  const special = SPECIAL[action];
  if (special) return special;
  const [kind = "", verb = ""] = action.split(".");
  const done = DONE[verb] ?? verb.replaceAll("-", " ");
  const thing = THINGS[kind] ?? kind.replaceAll("-", " ");
  return sentence(`${done} ${thing}`).slice(0, -1);
}

/** One field of a difference. Undefined: the field was not there. */
export interface Difference {
  field: string;
  before: string | undefined;
  after: string | undefined;
}

/**
 * What an entry says field by field; fields that are empty on both sides are left out. Of something that was made or removed as a
 * whole, also what says nothing to people: its id, when it was made, that there is a secret.
 */
export function differences({ before, after }: Pick<AuditEntry, "before" | "after">): Difference[] {
  const fields = new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})]);
  const isWhole = !before || !after;
  return [...fields]
    .filter((field) => !(isWhole && /^(id|.*_id|created_at|.*_hash)$/.test(field)))
    .map((field) => ({ field, before: text(before?.[field]), after: text(after?.[field]) }))
    .filter((difference) => difference.before !== undefined || difference.after !== undefined);
}

function text(value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined;
  return typeof value === "string" ? value : JSON.stringify(value);
}
