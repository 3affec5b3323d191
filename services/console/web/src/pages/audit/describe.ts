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
  session: "session",
};

const DONE: Record<string, string> = { updated: "changed", deleted: "removed" };
const ROLE_DONE: Record<string, string> = { created: "Gave a role to", deleted: "Took a role from" };

export const ACTOR_KINDS: Record<ActorKind, string> = {
  user: "user",
  "api-token": "API token",
  "administrator-token": "administrator token",
  "viewer-token": "viewer link",
  command: "command line",
  database: "in the database",
};

/** The kinds of things that entries are about, for a choice. */
export const SUBJECTS: [value: string, label: string][] = Object.keys(THINGS)
  .filter((kind) => kind !== "session" && kind !== "viewer-token")
  .map((kind) => [kind, kind === "user-role" ? "Roles" : sentence(`${THINGS[kind]}s`).slice(0, -1)]);

/** `venue.updated` is "Changed venue". The subject follows. */
export function describe(action: string): string {
  const [kind = "", verb = ""] = action.split(".");
  if (kind === "user-role" && ROLE_DONE[verb]) return ROLE_DONE[verb];
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

/** What an entry says field by field; fields that are empty on both sides are left out. */
export function differences({ before, after }: Pick<AuditEntry, "before" | "after">): Difference[] {
  const fields = new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})]);
  return [...fields]
    .map((field) => ({ field, before: text(before?.[field]), after: text(after?.[field]) }))
    .filter((difference) => difference.before !== undefined || difference.after !== undefined);
}

function text(value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined;
  return typeof value === "string" ? value : JSON.stringify(value);
}
