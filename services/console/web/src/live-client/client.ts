import { reconnectDelay, retryDelay } from "./backoff";
import { Connection } from "./connection";
import { guarded } from "./guarded";
import type { FeedError, ServerMessage } from "./messages";
import { Resend } from "./resend";
import type { Status, StopReason, WaitReason } from "./status";
import { type Handlers, Subscription, type Wanted } from "./subscription";
import { TokenSource } from "./token";

export interface LiveFeedOptions {
  /** A viewer token, or a function that gets one: it is asked again when the token is about to expire, or has. */
  token: string | (() => Promise<string>);
  /** Is called whenever the status changes, for the first time when the constructor has returned. */
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
const CLOSE = { protocol: 4400, unauthorized: 4401 };
const LOSSES: Record<number, WaitReason> = { 1012: "restart", 4408: "slow", 4429: "flood" };

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
  readonly #tokens: TokenSource;
  #authenticatedAt = 0;
  /** What the token lets see, as the server said. */
  #venues: string[] = [];
  /** Whether a token was refused since one was last accepted: a second one is not asked for twice. */
  #refused = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #refreshTimer: ReturnType<typeof setTimeout> | undefined;
  /** Subscriptions that were asked for once more since the last token was accepted. */
  readonly #renewed = new Set<string>();
  readonly #resend = new Resend((id) => {
    const request = this.#subscriptions.get(id)?.request();
    this.#connection?.send(request ?? { type: "unsubscribe", id });
  });

  constructor(options: LiveFeedOptions) {
    this.#options = options;
    this.#tokens = new TokenSource(options.token);
    const origin = import.meta.url;
    this.#url = new URL(options.url ?? "/api/v1/live", origin);
    this.#url.protocol = this.#url.protocol.replace("http", "ws");
    // Outside of pages (workers, Node.js) one or the other does not exist.
    globalThis.addEventListener?.("online", this.#wake);
    globalThis.document?.addEventListener("visibilitychange", this.#wake);
    // Not at once: the page does not have its feed yet.
    queueMicrotask(() => this.#connect());
  }

  /** Begins a subscription, now or as soon as there is a connection. When the feed has stopped, `onError` says so. */
  subscribe(wanted: Wanted, handlers: Handlers): SubscriptionHandle {
    const id = String(++this.#lastId);
    const subscription = new Subscription(id, wanted, handlers);
    if (this.#status.state === "stopped") {
      const message = `the feed has stopped: ${this.#status.reason}`;
      queueMicrotask(() => subscription.error({ type: "error", id, code: "stopped", message }));
    } else {
      this.#subscriptions.set(id, subscription);
      if (this.#authenticatedAt) this.#connection?.send(subscription.request());
    }
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
    if (this.#status.state === "stopped") return;
    this.#reset();
    const turn = this.#turn;
    this.#setStatus({ state: "connecting", attempt: this.#failures });
    try {
      const token = await this.#tokens.get();
      if (turn === this.#turn) this.#open(token);
    } catch (error) {
      if (turn === this.#turn) this.#tokenFailed(error);
    }
  }

  #open(token: string): void {
    try {
      // The token goes in the first message: in a header it could be logged on the way, and browsers tell nobody that
      // a handshake was refused.
      const connection = new Connection(this.#url, {
        onOpen: () => connection.send({ type: "authenticate", token }),
        onMessage: (message) => this.#heard(message),
        onEnd: (code) => this.#ended(code),
      });
      this.#connection = connection;
    } catch (error) {
      this.#stop("address", error);
    }
  }

  #tokenFailed(error: unknown): void {
    if (this.#tokens.isFixed) this.#stop("unauthorized", error);
    else this.#lost("token", error);
  }

  #heard(message: ServerMessage): void {
    switch (message.type) {
      case "authenticated":
        return this.#authenticated(message.venues);
      case "expiring":
        return this.#refreshSoon();
      case "frame":
        return this.#subscriptions.get(message.id)?.frame(message);
      case "gap":
        return this.#subscriptions.get(message.id)?.gap(message);
      case "cursor":
        return this.#subscriptions.get(message.id)?.moved(message.cursor);
      case "unsubscribed":
        return this.#resend.succeeded();
      case "subscribed":
        this.#resend.succeeded();
        this.#subscriptions.get(message.id)?.subscribed(message);
        return this.#liveIfConfirmed();
      case "error":
        return this.#failed(message);
    }
  }

  #authenticated(venues: string[]): void {
    this.#venues = venues;
    this.#renewed.clear();
    const isFirst = this.#authenticatedAt === 0;
    this.#authenticatedAt = Date.now();
    this.#refused = false;
    if (!isFirst) return;
    for (const subscription of this.#subscriptions.values()) this.#connection?.send(subscription.request());
    this.#liveIfConfirmed();
  }

  #failed(error: FeedError): void {
    const { code, id } = error;
    if (code === "unauthorized") return this.#unauthorized();
    // That passes, and another instance may be better off: the same as a lost connection. And who is not let in for
    // another reason than the token is one of too many, say.
    if (code === "unavailable" || !this.#authenticatedAt) return this.#lost("unavailable");
    if (id === undefined) return;
    if (code === "too-many-messages") return this.#resend.later(id);
    const subscription = this.#subscriptions.get(id);
    if (!subscription) return;
    if (this.#mayGoOn(subscription, code)) return this.#connection?.send(subscription.request());
    this.#subscriptions.delete(id);
    subscription.error(error);
    this.#liveIfConfirmed();
  }

  /** Whether a subscription that was refused, or ended, is to be asked for once more. */
  #mayGoOn(subscription: Subscription, code: string): boolean {
    if (code === "invalid-cursor") {
      const hadCursor = subscription.cursor !== undefined;
      subscription.cursor = undefined;
      return hadCursor;
    }
    // A new token has ended it: perhaps it lets see other cameras of the venue than the one before.
    const isOpen = this.#venues.includes("*") || this.#venues.includes(subscription.venue);
    if (code !== "forbidden-venue" || !isOpen) return false;
    const isFirst = !this.#renewed.has(subscription.id);
    this.#renewed.add(subscription.id);
    return isFirst;
  }

  #unauthorized(): void {
    // A fresh token was refused; the old one is in force until its end, and then the server closes the connection.
    if (this.#authenticatedAt) return;
    if (this.#tokens.isFixed || this.#refused) return this.#stop("unauthorized");
    this.#refused = true;
    void this.#showNewToken();
  }

  #refreshSoon(): void {
    if (this.#tokens.isFixed) return;
    this.#refreshIn(Math.max(0, this.#authenticatedAt + REFRESH_MS - Date.now()));
  }

  #refreshIn(wait: number, failures = 0): void {
    clearTimeout(this.#refreshTimer);
    this.#refreshTimer = setTimeout(() => void this.#showNewToken(failures), wait);
  }

  /** If no token can be had, the old one may still be in force: until its end there is time to try again. */
  async #showNewToken(failures = 0): Promise<void> {
    const turn = this.#turn;
    this.#tokens.forget();
    try {
      const token = await this.#tokens.get();
      if (turn === this.#turn) this.#connection?.send({ type: "authenticate", token });
    } catch (error) {
      if (turn !== this.#turn) return;
      if (this.#authenticatedAt) this.#refreshIn(retryDelay(failures), failures + 1);
      else this.#lost("token", error);
    }
  }

  #ended(code: number): void {
    if (code === CLOSE.protocol) return this.#stop("protocol");
    // Before the token was shown it cannot have expired: then it did not get there in time.
    if (code === CLOSE.unauthorized && this.#authenticatedAt) {
      if (this.#tokens.isFixed) return this.#stop("expired");
      this.#tokens.forget();
    }
    this.#lost(LOSSES[code] ?? "lost");
  }

  #lost(reason: WaitReason, error?: unknown): void {
    if (this.#liveSince && Date.now() - this.#liveSince > GOOD_MS) this.#failures = 0;
    this.#reset();
    const delay = reconnectDelay(reason, this.#failures);
    const attempt = ++this.#failures;
    this.#timer = setTimeout(() => this.#connect(), delay);
    this.#setStatus({ state: "waiting", attempt, retryAt: Date.now() + delay, reason, error });
  }

  #stop(reason: StopReason, error?: unknown): void {
    if (this.#status.state === "stopped") return;
    this.#reset();
    globalThis.removeEventListener?.("online", this.#wake);
    globalThis.document?.removeEventListener("visibilitychange", this.#wake);
    this.#setStatus({ state: "stopped", attempt: this.#failures, reason, error });
  }

  /** Forgets the connection, if there is one, and all that was about it. */
  #reset(): void {
    this.#turn++;
    clearTimeout(this.#timer);
    clearTimeout(this.#refreshTimer);
    this.#resend.stop();
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
    guarded(() => this.#options.onStatus?.(status));
  }
}
