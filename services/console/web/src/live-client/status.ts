/** Why there is no connection now. */
export type WaitReason =
  /** It could not be made, or broke. (Browsers do not tell pages more, also when the server refused it.) */
  | "lost"
  /** The server restarts; another one, or its successor, takes over. */
  | "restart"
  /** This page read too slowly. */
  | "slow"
  /** This page sent too many messages. */
  | "flood"
  /** The server cannot serve now: it has no connection to its broker, or too many clients. */
  | "unavailable"
  /** The token function failed; `error` says how. */
  | "token";

/** Why nothing more is tried. */
export type StopReason =
  /** `close` was called. */
  | "closed"
  /** The token has expired, and there is no function to get another. */
  | "expired"
  /** The token is not accepted. */
  | "unauthorized"
  /** The server does not understand this client. */
  | "protocol"
  /** The browser does not allow this address, `ws:` in a page that came by `https:` for example; `error` says why. */
  | "address";

/** How the connection is. `attempt` counts the failures since a connection was last live for ten seconds. */
export type Status =
  | { state: "connecting"; attempt: number }
  /** Every subscription is confirmed. */
  | { state: "live"; attempt: 0 }
  /** The next attempt is made at `retryAt` (milliseconds since 1970). */
  | { state: "waiting"; attempt: number; retryAt: number; reason: WaitReason; error?: unknown }
  | { state: "stopped"; attempt: number; reason: StopReason; error?: unknown };
