import { request } from "./client";

/** That a message went through the broker: what is known about it, never what it says. */
export interface JournalEntry {
  id: number;
  at: string;
  exchange: string;
  routing_key: string;
  type: string | null;
  message_id: string | null;
  /** The picture that the message is about. */
  image_id: string | null;
  /** Of its body, in bytes. */
  size: number;
  trace_id: string | null;
  venue: string | null;
}

export interface JournalQuery {
  venue?: string | undefined;
  exchange?: string | undefined;
  key?: string | undefined;
  /** No messages of this routing key. */
  except?: string | undefined;
  type?: string | undefined;
  image?: string | undefined;
  from?: string | undefined;
  to?: string | undefined;
  /** Only entries older than this one. */
  before?: number | undefined;
  /** Only entries newer than this one: the `newest` of the answer before. */
  after?: number | undefined;
  limit?: number;
}

export interface JournalPage {
  /** Whether messages are written down at present. */
  enabled: boolean;
  entries: JournalEntry[];
  /** The id of the newest entry that there is, asked for or not. */
  newest: number;
  /** The `before` of the next page; null: there is none. */
  next: number | null;
}

export const listJournal = (query: JournalQuery, signal?: AbortSignal) =>
  request<JournalPage>("/api/v1/journal", { query: { ...query }, signal });
