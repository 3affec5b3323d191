import { ApiError } from "./client";
import { upload } from "./upload";
import { venuePath } from "./venues";

export type Step = "15m" | "30m" | "1h" | "1d";
export type SameHour = "refuse" | "add";

/** How a file of counts is to be read. */
export interface ImportSettings {
  /** Slug of the node that the cameras belong to; it is made if there is none. */
  node: string;
  class: string;
  /** The time that each count is of. */
  step: Step;
  /** What to do with several counts of one camera and hour. */
  same_hour: SameHour;
  /** Names of columns, between commas. */
  ignore: string;
}

export interface ImportProblem {
  /** Of the file, from 1 on. */
  line: number;
  /** Null: the whole line. */
  column: string | null;
  what: string;
  action: "accepted" | "added" | "refused";
}

/** What became of a file. */
export interface ImportReport {
  node: string;
  rows: number;
  /** `stored` + `unchanged` + `added` + `refused` */
  counts: number;
  stored: number;
  unchanged: number;
  added: number;
  refused: number;
  sum: number;
  refused_sum: number;
  /** The first of them, by line. */
  problems: ImportProblem[];
  problems_total: number;
}

interface Sending {
  signal: AbortSignal;
  /** How much of the file is on its way: 0 to 1. */
  onProgress: (share: number) => void;
}

const MAX_FILE_NAME = 200;

/** Imports a file of counts: all of it, or, if this throws, nothing. */
export async function importCounts(
  venue: string,
  file: File,
  settings: ImportSettings,
  sending: Sending,
): Promise<ImportReport> {
  const query = { ...settings, file: [...file.name].slice(0, MAX_FILE_NAME).join("") };
  const options = { query, contentType: "text/csv", ...sending };
  try {
    return await (await upload(`${venuePath(venue)}/imports`, file, options)).json();
  } catch (error) {
    throw error instanceof ApiError ? atItsField(error) : error;
  }
}

/** A wrong parameter as the violation of the field that it came from. */
function atItsField(error: ApiError): ApiError {
  const { parameter, detail } = error.problem;
  if (typeof parameter !== "string" || !detail) return error;
  const message = detail.startsWith(`${parameter} `) ? detail.slice(parameter.length + 1) : detail;
  const violations = [{ pointer: `/${parameter}`, message }];
  return new ApiError(error.status, error.message, { ...error.problem, violations });
}
