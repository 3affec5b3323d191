import { request } from "./client";

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

/** The nodes of the venues in which the user is an operator. */
export const listNodeStates = async (signal?: AbortSignal) =>
  (await request<{ nodes: NodeState[] }>("/api/v1/nodes", { signal })).nodes;
