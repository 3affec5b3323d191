/** How the pages talk to the HTTP API. */

/** What is wrong with one field of a body, at its JSON pointer (RFC 6901). */
export interface Violation {
  pointer: string;
  message: string;
}

/** RFC 9457. */
export interface ProblemDocument {
  type?: string;
  title?: string;
  detail?: string;
  violations?: Violation[];
  [more: string]: unknown;
}

/** An answer that is not a success; the message is the problem document's, fit to be shown. */
export class ApiError extends Error {
  /** 0: no answer came at all. */
  readonly status: number;
  readonly problem: ProblemDocument;
  /** How long the server asks to wait. */
  readonly retryAfterSeconds: number | undefined;

  constructor(status: number, message: string, problem: ProblemDocument = {}, retryAfterSeconds?: number) {
    super(message);
    this.status = status;
    this.problem = problem;
    this.retryAfterSeconds = retryAfterSeconds;
  }

  get violations(): Violation[] {
    return this.problem.violations ?? [];
  }

  /** The last part of the problem's type, such as `invalid-credentials`. */
  get kind(): string | undefined {
    return this.problem.type?.split(/[/:#]/).at(-1);
  }
}

export const asApiError = (error: unknown): ApiError =>
  error instanceof ApiError ? error : new ApiError(0, error instanceof Error ? error.message : String(error));

export type Query = Record<string, string | number | boolean | null | undefined>;

export interface RequestOptions {
  method?: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  query?: Query;
  /** Sent as JSON, except a text with `contentType`. */
  body?: unknown;
  contentType?: string;
  /** A bearer token. Without one the session of the browser counts. */
  token?: string | undefined;
  signal?: AbortSignal | undefined;
}

let csrfToken: string | undefined;
let sessionEnded: (() => void) | undefined;

/** What changes must carry to be believed to come from these pages. */
export function setCsrfToken(token: string | undefined): void {
  csrfToken = token;
}

/** `listener` is called when a request with the browser's session is answered with 401. */
export function onSessionEnd(listener: () => void): void {
  sessionEnded = listener;
}

/** The address of `path` with those of `query` that have a value. */
export function withQuery(path: string, query: Query = {}): string {
  const given = Object.entries(query).filter(
    ([, value]) => value !== undefined && value !== null && value !== "",
  );
  if (given.length === 0) return path;
  return `${path}?${new URLSearchParams(given.map(([name, value]) => [name, String(value)]))}`;
}

/** Asks, and reads the JSON of the answer; `undefined` of an answer without content. Throws `ApiError`. */
export async function request<T>(path: string, options: RequestOptions = {}): Promise<T> {
  const response = await requestRaw(path, options);
  if (response.status === 204) return undefined as T;
  return (await response.json()) as T;
}

/** Asks; the answer is a success. Throws `ApiError`, or an `AbortError` when `signal` says so. */
export async function requestRaw(path: string, options: RequestOptions = {}): Promise<Response> {
  const { method = "GET", query, signal, token } = options;
  const response = await fetch(withQuery(path, query), {
    method,
    headers: headersOf(options),
    ...(options.body !== undefined && {
      body: options.contentType ? String(options.body) : JSON.stringify(options.body),
    }),
    ...(signal && { signal }),
    credentials: token ? "omit" : "same-origin",
  }).catch((error) => {
    if (signal?.aborted) throw error;
    throw unreachable();
  });
  return succeeded(response, path, token);
}

/** The answer to a request for `path`, if it is a success. Throws `ApiError`. */
export async function succeeded(response: Response, path: string, token?: string): Promise<Response> {
  if (response.ok) return response;
  if (response.status === 401 && !token && !path.startsWith("/api/v1/session")) sessionEnded?.();
  throw await errorOf(response);
}

export const unreachable = () => new ApiError(0, "CityTrack cannot be reached. Is this device connected?");

/** What a request must carry: who asks, and what the body is. */
export function headersOf({
  method = "GET",
  body,
  contentType,
  token,
}: RequestOptions): Record<string, string> {
  const headers: Record<string, string> = {};
  if (token) headers["authorization"] = `Bearer ${token}`;
  else if (method !== "GET" && csrfToken) headers["x-csrf-token"] = csrfToken;
  if (body !== undefined) headers["content-type"] = contentType ?? "application/json";
  return headers;
}

async function errorOf(response: Response): Promise<ApiError> {
  const problem = (await response.json().catch(() => ({}))) as ProblemDocument;
  const message = problem.detail ?? problem.title ?? `The server answered ${response.status}.`;
  const wait = Number(response.headers.get("retry-after") ?? Number.NaN);
  return new ApiError(response.status, sentence(message), problem, Number.isFinite(wait) ? wait : undefined);
}

/** Details of problems are written for programs and people: as a sentence they begin with a capital and end with a dot. */
export function sentence(text: string): string {
  const trimmed = text.trim();
  if (!trimmed) return trimmed;
  const start = trimmed.charAt(0).toUpperCase() + trimmed.slice(1);
  return /[.!?…]$/.test(start) ? start : `${start}.`;
}
