const STORAGE_KEY = "citytrack.viewer-token";

/** The viewer token of this tab. It lives as long as the tab does, and is never part of an address that is sent. */
let current = readStored();

export function viewerToken(): string | undefined {
  return current;
}

export function keepToken(token: string): void {
  current = token;
  try {
    sessionStorage.setItem(STORAGE_KEY, token);
  } catch {
    // Storage is refused by the browser's settings: the token lasts until the page is left.
  }
}

export function forgetToken(): void {
  current = undefined;
  try {
    sessionStorage.removeItem(STORAGE_KEY);
  } catch {
    // Nothing was stored then.
  }
}

/** Takes the token out of `/live#token=…`, so that it stays neither in the address bar nor in the history. */
export function takeTokenFromAddress(): boolean {
  const token = tokenIn(location.hash);
  if (!token) return false;
  keepToken(token);
  history.replaceState(history.state, "", location.pathname + location.search);
  return true;
}

/** The token in what a person pasted: a viewer link, the fragment of one, or the token itself. */
export function tokenIn(text: string): string | undefined {
  const trimmed = text.trim();
  const fromLink = /[#&]token=([^&\s]+)/.exec(trimmed)?.[1];
  const candidate = fromLink ?? trimmed;
  return /^[\w-]+\.[\w-]+\.[\w-]+$/.test(candidate) ? candidate : undefined;
}

/** When a viewer token ends (milliseconds since 1970); undefined if the text is no such token. Checks no signature. */
export function tokenExpiry(token: string): number | undefined {
  try {
    const payload = token.split(".")[1] ?? "";
    const claims = JSON.parse(atob(payload.replaceAll("-", "+").replaceAll("_", "/"))) as { exp?: unknown };
    return typeof claims.exp === "number" ? claims.exp * 1000 : undefined;
  } catch {
    return undefined;
  }
}

export function isExpired(token: string): boolean {
  const expiry = tokenExpiry(token);
  return expiry !== undefined && expiry <= Date.now();
}

function readStored(): string | undefined {
  try {
    return sessionStorage.getItem(STORAGE_KEY) ?? undefined;
  } catch {
    return undefined;
  }
}
