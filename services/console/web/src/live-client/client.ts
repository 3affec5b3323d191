import { reconnectDelay, restartDelay } from "./backoff";
import { Connection } from "./connection";
import type { FeedError, ServerMessage } from "./messages";
import { type Handlers, Subscription, type Wanted } from "./subscription";

/** Why there is no connection now. */
export type WaitReason =
  /** It could not be made, or broke. (Browsers do not tell pages more, also when the server refused it.) */
  | "lost"
  /** The server restarts; another one, or its successor, takes over. */
  | "restart"
  /** This page read too slowly. */
  | "slow"
  /** The server cannot serve now: it has no connection to its broker, or too many clients. */
  | "unavailable"
  /** The token function failed. */
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
  | "protocol";

/** How the connection is. `attempt` counts the failures since it was last live. */
export type Status =
  | { state: "connecting"; attempt: number }
  /** Every subscription is confirmed. */
  | { state: "live"; attempt: 0 }
  /** The next attempt is made at `retryAt` (milliseconds since 1970). */
  | { state: "waiting"; attempt: number; retryAt: number; reason: WaitReason }
  | { state: "stopped"; attempt: number; reason: StopReason };

export interface LiveFeedOptions {
  /** A viewer token, or a function that gets one: it is asked again when the token is about to expire, or has. */
  token: string | (() => Promise<string>);
  onStatus?(status: Status): void;
  /** Address of the live feed; default: `/api/v1/live` of the server that this module came from. */
  url?: string | URL;
}

export interface SubscriptionHandle {
  /** The place of the last frame that was handed over; give it as `since` to go on there, also in another page. */
  readonly cursor: string | undefined;
  close(): void;
}

/** A connection that was live for so long was a good one: its loss starts the back-off anew. */
const GOOD_MS = 10_000;
/** A token that lives for less than a minute is always "expiring": it is not asked for more often than this. */
const REFRESH_MS = 2_000;
const CLOSE = { restart: 1012, protocol: 4400, expired: 4401, slow: 4408 };

/**
 * CityTrack's live feed: any number of subscriptions over one WebSocket that reconnects by itself and goes on where it was,
 * so that no frame is missed or seen twice, or it is said so.
 */
export class LiveFeed {
  readonly #options: LiveFeedOptions;
  readonly #url: URL;
  readonly #subscriptions = new Map<string, Subscription>();
  #connection: Connection | undefined;
  /** Changes with every connection: what was begun for an older one is of no interest any more. */
  #turn = 0;
  #status: Status = { state: "connecting", attempt: 0 };
  #failures = 0;
  #liveSince = 0;
  #lastId = 0;
  #token: string | undefined;
  #authenticatedAt = 0;
  /** Whether a token was refused since one was last accepted: a second one is not asked for twice. */
  #refused = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #refreshTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: LiveFeedOptions) {
    this.#options = options;
    const origin = import.meta.url;
    this.#url = new URL(options.url ?? "/api/v1/live", origin);
    this.#url.protocol = this.#url.protocol.replace("http", "ws");
    // Outside of pages (workers, Node.js) one or the other does not exist.
    globalThis.addEventListener?.("online", this.#wake);
    globalThis.document?.addEventListener("visibilitychange", this.#wake);
    void this.#connect();
  }

  /** Begins a subscription, now or as soon as there is a connection. */
  subscribe(wanted: Wanted, handlers: Handlers): SubscriptionHandle {
    const subscription = new Subscription(String(++this.#lastId), wanted, handlers);
    this.#subscriptions.set(subscription.id, subscription);
    if (this.#authenticatedAt) this.#connection?.send(subscription.request());
    return {
      get cursor() {
        return subscription.cursor;
      },
      close: () => this.#unsubscribe(subscription.id),
    };
  }

  /** Does not wait for the next attempt; for a button. */
  retryNow(): void {
    if (this.#status.state === "waiting") void this.#connect();
  }

  close(): void {
    this.#stop("closed");
  }

  #unsubscribe(id: string): void {
    if (!this.#subscriptions.delete(id)) return;
    if (this.#authenticatedAt) this.#connection?.send({ type: "unsubscribe", id });
    this.#liveIfConfirmed();
  }

  async #connect(): Promise<void> {
    this.#reset();
    const turn = this.#turn;
    this.#setStatus({ state: "connecting", attempt: this.#failures });
    const token = await this.#currentToken();
    if (turn !== this.#turn) return;
    if (token === undefined) return this.#wait("token");
    // The token goes in the first message: in a header it could be logged on the way, and browsers tell nobody that
    // a handshake was refused.
    const connection = new Connection(this.#url, {
      onOpen: () => connection.send({ type: "authenticate", token }),
      onMessage: (message) => this.#heard(message),
      onEnd: (code) => this.#ended(code),
    });
    this.#connection = connection;
  }

  #heard(message: ServerMessage): void {
    switch (message.type) {
      case "authenticated":
        return this.#authenticated();
      case "expiring":
        return this.#refreshSoon();
      case "frame":
        return this.#subscriptions.get(message.id)?.frame(message);
      case "gap":
        return this.#subscriptions.get(message.id)?.gap(message);
      case "cursor":
        return this.#subscriptions.get(message.id)?.moved(message.cursor);
      case "subscribed":
        this.#subscriptions.get(message.id)?.subscribed(message);
        return this.#liveIfConfirmed();
      case "error":
        return this.#failed(message);
    }
  }

  #authenticated(): void {
    const isFirst = this.#authenticatedAt === 0;
    this.#authenticatedAt = Date.now();
    this.#refused = false;
    if (!isFirst) return;
    for (const subscription of this.#subscriptions.values()) this.#connection?.send(subscription.request());
    this.#liveIfConfirmed();
  }

  #failed(error: FeedError): void {
    if (error.code === "unauthorized") return this.#unauthorized();
    // That passes, and another instance may be better off: the same as a lost connection.
    if (error.code === "unavailable") return this.#lost("unavailable");
    // Not let in for another reason than the token: there are too many, say.
    if (!this.#authenticatedAt) return this.#lost("unavailable");
    const subscription = error.id === undefined ? undefined : this.#subscriptions.get(error.id);
    if (!subscription) return;
    if (error.code === "invalid-cursor" && subscription.cursor !== undefined) {
      subscription.cursor = undefined;
      this.#connection?.send(subscription.request());
      return;
    }
    this.#subscriptions.delete(subscription.id);
    subscription.error(error);
    this.#liveIfConfirmed();
  }

  #unauthorized(): void {
    // A fresh token was refused; the old one is in force until its end, and then the server closes the connection.
    if (this.#authenticatedAt) return;
    if (typeof this.#options.token === "string" || this.#refused) return this.#stop("unauthorized");
    this.#refused = true;
    void this.#authenticateAnew();
  }

  #refreshSoon(): void {
    if (typeof this.#options.token === "string") return;
    const wait = Math.max(0, this.#authenticatedAt + REFRESH_MS - Date.now());
    clearTimeout(this.#refreshTimer);
    this.#refreshTimer = setTimeout(() => void this.#authenticateAnew(), wait);
  }

  async #authenticateAnew(): Promise<void> {
    const turn = this.#turn;
    this.#token = undefined;
    const token = await this.#currentToken();
    if (turn === this.#turn && token !== undefined) this.#connection?.send({ type: "authenticate", token });
  }

  async #currentToken(): Promise<string | undefined> {
    const { token } = this.#options;
    if (typeof token === "string") return token;
    try {
      return (this.#token ??= await token());
    } catch {
      return undefined;
    }
  }

  #ended(code: number): void {
    if (code === CLOSE.protocol) return this.#stop("protocol");
    if (code === CLOSE.expired) {
      if (typeof this.#options.token === "string") return this.#stop("expired");
      this.#token = undefined;
    }
    this.#lost(code === CLOSE.restart ? "restart" : code === CLOSE.slow ? "slow" : "lost");
  }

  #lost(reason: WaitReason): void {
    if (this.#liveSince && Date.now() - this.#liveSince > GOOD_MS) this.#failures = 0;
    this.#reset();
    this.#wait(reason);
  }

  #wait(reason: WaitReason): void {
    const isRestart = reason === "restart" && this.#failures === 0;
    const delay = isRestart ? restartDelay() : reconnectDelay(this.#failures);
    const attempt = ++this.#failures;
    this.#timer = setTimeout(() => void this.#connect(), delay);
    this.#setStatus({ state: "waiting", attempt, retryAt: Date.now() + delay, reason });
  }

  #stop(reason: StopReason): void {
    if (this.#status.state === "stopped") return;
    this.#reset();
    globalThis.removeEventListener?.("online", this.#wake);
    globalThis.document?.removeEventListener("visibilitychange", this.#wake);
    this.#setStatus({ state: "stopped", attempt: this.#failures, reason });
  }

  /** Forgets the connection, if there is one, and all that was about it. */
  #reset(): void {
    this.#turn++;
    clearTimeout(this.#timer);
    clearTimeout(this.#refreshTimer);
    this.#connection?.close();
    this.#connection = undefined;
    this.#authenticatedAt = this.#liveSince = 0;
    for (const subscription of this.#subscriptions.values()) subscription.isConfirmed = false;
  }

  /** The network is back, or somebody looks at the page again. */
  readonly #wake = (): void => {
    if (globalThis.document?.visibilityState === "hidden") return;
    this.retryNow();
    this.#connection?.probe();
  };

  #liveIfConfirmed(): void {
    const confirmed = [...this.#subscriptions.values()].every((subscription) => subscription.isConfirmed);
    if (!this.#authenticatedAt || !confirmed || this.#liveSince) return;
    this.#liveSince = Date.now();
    this.#setStatus({ state: "live", attempt: 0 });
  }

  #setStatus(status: Status): void {
    this.#status = status;
    this.#options.onStatus?.(status);
  }
}
