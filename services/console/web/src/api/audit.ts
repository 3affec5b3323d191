import { request } from "./client";

export type ActorKind =
  "user" | "api-token" | "administrator-token" | "viewer-token" | "command" | "database";

export interface AuditEntry {
  id: number;
  at: string;
  actor: { kind: ActorKind; name: string };
  address: string | null;
  /** Such as `venue.updated`. */
  action: string;
  subject: string;
  venue: string | null;
  before: Record<string, unknown> | null;
  after: Record<string, unknown> | null;
}

export interface AuditQuery {
  venue?: string | undefined;
  actor?: string | undefined;
  action?: string | undefined;
  from?: string | undefined;
  to?: string | undefined;
  /** Only entries older than this one. */
  before?: number | undefined;
  limit?: number;
}

/** The newest first. `next` is the `before` of the next page; null: there is none. */
export const listAudit = (query: AuditQuery, signal?: AbortSignal) =>
  request<{ entries: AuditEntry[]; next: number | null }>("/api/v1/audit", { query: { ...query }, signal });
