import { requestRawAsViewer } from "../session/session";
import type { Query } from "./client";
import { COUNTS_PATH, type CountsQuery } from "./counts";
import { venuePath } from "./venues";

export const FORMATS = ["csv", "ndjson", "parquet"] as const;
export type ExportFormat = (typeof FORMATS)[number];

export interface DetectionsQuery extends Query {
  from: string;
  to: string;
  camera?: string | undefined;
  class?: string | undefined;
}

/** Asks for a file; the answer comes in pieces, for as long as it takes. */
export type FileSource = (format: ExportFormat, signal: AbortSignal) => Promise<Response>;

export const countsFile =
  (query: CountsQuery): FileSource =>
  (format, signal) =>
    requestRawAsViewer(COUNTS_PATH, { query: { ...query, format }, signal });

/** Every detection, one row each. Times without an offset are local in the venue's zone. */
export const detectionsFile =
  (venue: string, query: DetectionsQuery): FileSource =>
  (format, signal) =>
    requestRawAsViewer(`${venuePath(venue)}/detections`, { query: { ...query, format }, signal });
