import {
  type ApiError,
  asApiError,
  onSessionEnd,
  request,
  type RequestOptions,
  requestRaw,
  setCsrfToken,
} from "../api/client";
import { beginSession, endSession, getSession, type Session } from "../api/session";
import { Store, useStore } from "../store";

/** Who uses these pages. `ended`: was signed in a moment ago. */
export type SessionState =
  | { state: "unknown" }
  | { state: "out"; ended: boolean }
  | { state: "failed"; error: ApiError }
  | { state: "in"; session: Session };

/** Renewed so long before the viewer token ends. */
const EARLY_MS = 90_000;
/** A token that ends sooner than this is not used any more. */
const USABLE_MS = 20_000;
const RETRY_MS = 15_000;
/** Remembers that there was a session, so that visitors cause no question that is answered with "401". */
const HINT = "citytrack.signed-in";

const store = new Store<SessionState>({ state: "unknown" });
let timer: ReturnType<typeof setTimeout> | undefined;
let asking: Promise<void> | undefined;

onSessionEnd(() => leave(true));

export const useSessionState = (): SessionState => useStore(store);

/** Who is signed in; only for what is shown to people who are. */
export function useSession(): Session {
  const state = useStore(store);
  if (state.state !== "in") throw new Error("nobody is signed in");
  return state.session;
}

/** Finds out whether somebody is signed in. Several calls at once ask once. */
export function loadSession(): Promise<void> {
  asking ??= ask().finally(() => {
    asking = undefined;
  });
  return asking;
}

/** At the start: asks only if somebody was signed in with this browser. */
export async function startSession(): Promise<void> {
  if (wasSignedIn()) await loadSession();
  else leave(false);
}

export async function signIn(name: string, password: string): Promise<void> {
  enter(await beginSession(name, password));
}

export async function signOut(): Promise<void> {
  await endSession().catch((error) => {
    if (asApiError(error).status !== 401) throw error;
  });
  leave(false);
}

/** A viewer token that lasts a while yet: what statistics and the live feed ask for. */
export async function viewerToken(): Promise<string> {
  const usable = () => {
    const { value } = store;
    if (value.state !== "in" || !value.session.viewer_token) return undefined;
    return endOf(value.session) - Date.now() > USABLE_MS ? value.session.viewer_token : undefined;
  };
  if (!usable()) await loadSession();
  const token = usable();
  if (token) return token;
  const { value } = store;
  throw value.state === "failed" ? value.error : new Error("Your roles do not let you see a venue.");
}

/** Asks one of the services that take viewer tokens; a token that is refused is exchanged once. */
export async function requestAsViewer<T>(path: string, options: RequestOptions = {}): Promise<T> {
  return withViewerToken((token) => request<T>(path, { ...options, token }));
}

/** The same, for answers that are not JSON. */
export async function requestRawAsViewer(path: string, options: RequestOptions = {}): Promise<Response> {
  return withViewerToken((token) => requestRaw(path, { ...options, token }));
}

async function withViewerToken<T>(ask: (token: string) => Promise<T>): Promise<T> {
  try {
    return await ask(await viewerToken());
  } catch (error) {
    if (asApiError(error).status !== 401 || store.value.state !== "in") throw error;
    await loadSession();
    return ask(await viewerToken());
  }
}

async function ask(): Promise<void> {
  try {
    enter(await getSession());
  } catch (thrown) {
    const error = asApiError(thrown);
    if (error.status === 401) return leave(store.value.state === "in" || wasSignedIn());
    // Whoever is signed in stays so: the next renewal may succeed.
    if (store.value.state === "in") schedule(RETRY_MS);
    else store.set({ state: "failed", error });
  }
}

function enter(session: Session): void {
  setCsrfToken(session.csrf_token);
  remember(true);
  store.set({ state: "in", session });
  schedule(Math.max(endOf(session) - Date.now() - EARLY_MS, RETRY_MS));
}

function leave(ended: boolean): void {
  clearTimeout(timer);
  setCsrfToken(undefined);
  remember(false);
  store.set({ state: "out", ended });
}

function schedule(ms: number): void {
  clearTimeout(timer);
  timer = setTimeout(() => void loadSession(), Math.min(ms, 2 ** 31 - 1));
}

/** When this answer should be renewed at the latest. */
function endOf({ viewer_token_expires_at, expires_at }: Session): number {
  return Date.parse(viewer_token_expires_at ?? expires_at);
}

function wasSignedIn(): boolean {
  try {
    return localStorage.getItem(HINT) !== null;
  } catch {
    return true;
  }
}

function remember(signedIn: boolean): void {
  try {
    if (signedIn) localStorage.setItem(HINT, "1");
    else localStorage.removeItem(HINT);
  } catch {
    // Without storage it is asked at every start.
  }
}
