import { request } from "./client";
import { venuePath } from "./venues";

/** How a node is doing. */
export interface NodeState {
  id: string;
  venue: string;
  slug: string;
  name: string;
  retired_at: string | null;
  status: "online" | "silent" | "never";
  last_received_at: string | null;
  last_captured_at: string | null;
  frames_per_second: number | null;
  delay_seconds: number | null;
  /** Such as `citytrack-node/0.1.0`. */
  agent: string | null;
  cameras: number;
  keys: number;
  missing: number;
  refused: number;
  duplicates: number;
}

/** A node as it is set up. */
export interface NodeRow {
  id: string;
  venue: string;
  slug: string;
  name: string;
  created_at: string;
  retired_at: string | null;
}

export interface NodeKey {
  id: string;
  /** The beginning of the key, to tell keys apart. */
  prefix: string;
  label: string | null;
  created_at: string;
  revoked_at: string | null;
}

/** What became of the batches of a node, or of one of its streams. */
export interface LedgerFigures {
  received: number;
  stored: number;
  duplicate: number;
  late: number;
  refused: number;
  reused: number;
  missing: number;
}

export interface LedgerStream extends LedgerFigures {
  stream: string;
  highest: number;
  missing_ranges: { from: number; to: number }[];
  first_received_at: string;
  last_received_at: string;
}

export interface Ledger {
  totals: LedgerFigures;
  refusals: { reason: string; batches: number; last_at: string; last_detail: string }[];
  streams_total: number;
  streams: LedgerStream[];
}

const nodePath = (id: string) => `/api/v1/nodes/${encodeURIComponent(id)}`;

/** The nodes of the venues in which the user is an operator, or of one venue. */
export const listNodeStates = async (
  signal?: AbortSignal,
  query: { venue?: string | undefined; retired?: boolean } = {},
) => (await request<{ nodes: NodeState[] }>("/api/v1/nodes", { query, signal })).nodes;
export const getNode = (id: string, signal?: AbortSignal) => request<NodeRow>(nodePath(id), { signal });
export const createNode = (venue: string, node: { slug: string; name: string }) =>
  request<NodeRow>(`${venuePath(venue)}/nodes`, { method: "POST", body: node });
export const renameNode = (id: string, name: string) =>
  request<NodeRow>(nodePath(id), { method: "PATCH", body: { name } });
/** Its keys are refused from now on; what it sent stays. */
export const retireNode = (id: string) => request<void>(nodePath(id), { method: "DELETE" });

export const listNodeKeys = async (node: string, signal?: AbortSignal) =>
  (await request<{ keys: NodeKey[] }>(`${nodePath(node)}/keys`, { signal })).keys;
/** The answer is the only time that `key` is shown. */
export const createNodeKey = (node: string, label: string | undefined) =>
  request<NodeKey & { key: string }>(`${nodePath(node)}/keys`, {
    method: "POST",
    body: label ? { label } : {},
  });
export const revokeNodeKey = (node: string, key: string) =>
  request<void>(`${nodePath(node)}/keys/${encodeURIComponent(key)}`, { method: "DELETE" });

export const getLedger = (node: string, signal?: AbortSignal) =>
  request<Ledger>(`${nodePath(node)}/ledger`, { signal });
