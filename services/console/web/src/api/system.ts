import { request } from "./client";

/** One instance of a service. */
export interface Service {
  service: string;
  /** The address of its admin listener. */
  target: string;
  ready: boolean;
  /** Why it is not ready. */
  reason: string | null;
  version: string | null;
  started_at: string | null;
}

export interface Queue {
  name: string;
  messages: number;
}

/** How old batches are when they get somewhere, since the services were started. */
export interface EventAge {
  /** `store`: in the database; `push`: on the way to viewers. */
  at: "store" | "push";
  p50_seconds: number | null;
  p99_seconds: number | null;
  count: number;
}

export interface System {
  at: string;
  /** Whether the console knows whom to ask. */
  configured: boolean;
  services: Service[];
  queues: Queue[];
  event_age: EventAge[];
}

export const getSystem = (signal?: AbortSignal) => request<System>("/api/v1/system", { signal });
