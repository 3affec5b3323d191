/**
 * A client of CityTrack's live feed: one WebSocket, any number of subscriptions, reconnecting by itself.
 *
 * It depends on nothing but the browser, so it can be copied as it is:
 *
 *     const client = new LiveClient({ token, onStatus: (status) => console.log(status.state) });
 *     client.subscribe({ venue: "demo" }, { onFrame: (frame) => console.log(frame.camera, frame.detections.length) });
 */

/** One object in a frame. `box` is left, top, width, height as parts (0..1) of the image. */
export interface Detection {
  class: string;
  confidence: number;
  box: [left: number, top: number, width: number, height: number];
  /** Absent when the detector does not track. */
  track_id?: number;
}

/** What one camera saw in one image; an empty `detections` means that it saw nothing. */
export interface Frame {
  type: "frame";
  id: string;
  venue: string;
  /** Slug of the node that the camera belongs to. */
  node: string;
  camera: string;
  frame?: number;
  captured_at: string;
  received_at: string;
  width?: number;
  height?: number;
  detections: Detection[];
}

/** Some frames were left out because this client, or the network to it, was too slow. */
export interface Gap {
  type: "gap";
  id: string;
  dropped: number;
}

export interface Subscribed {
  type: "subscribed";
  id: string;
  venue: string;
  cursor: string | null;
  recovered: boolean;
  snapshot: Frame[];
}

export interface FeedError {
  type: "error";
  id?: string;
  code: string;
  message: string;
}

type ServerMessage =
  Frame | Gap | Subscribed | FeedError | { type: "pong" } | { type: "unsubscribed"; id: string };

export interface Subscription {
  venue: string;
  filter?: { cameras?: string[]; classes?: string[] };
}

export interface Handlers {
  onFrame(frame: Frame): void;
  /** After every (re)connection: what happened before it may have been missed. */
  onSubscribed?(message: Subscribed): void;
  onGap?(gap: Gap): void;
  /** The server refused this subscription, for example with `forbidden-venue`; it is not tried again. */
  onError?(error: FeedError): void;
}

export type Status =
  | { state: "connecting" }
  | { state: "live" }
  /** The connection is lost; the next attempt is made at `retryAt` (milliseconds since 1970). */
  | { state: "reconnecting"; retryAt: number }
  /** The token has expired: nothing more is tried. */
  | { state: "expired" }
  /** The token is not accepted: nothing more is tried. */
  | { state: "refused" }
  | { state: "closed" };

export interface Options {
  token: string;
  onStatus(status: Status): void;
  /** Address of the system; default: the origin of the page. */
  address?: string;
}

const FIRST_RETRY_MS = 500;
const LONGEST_RETRY_MS = 15_000;
/** A connection that lasted this long was a good one, and its loss starts the back-off anew. */
const GOOD_CONNECTION_MS = 10_000;
/** A connection that is not there by then is given up; browsers alone wait for minutes. */
const CONNECT_MS = 10_000;
const PING_EVERY_MS = 15_000;
/** Without a word for this long (pongs count) the connection is dead, whatever the operating system says. */
const SILENCE_MS = 40_000;
const CLOSE_TOKEN_EXPIRED = 4401;

/** Time to wait before attempt `n` (from 0): doubling, capped, and spread so that clients do not return in step. */
export function retryDelay(attempt: number, random: () => number = Math.random): number {
  const ceiling = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** attempt);
  return ceiling / 2 + (random() * ceiling) / 2;
}

export class LiveClient {
  readonly #options: Options;
  readonly #subscriptions = new Map<string, { request: Subscription; handlers: Handlers }>();
  readonly #unconfirmed = new Set<string>();
  #socket: WebSocket | undefined;
  #status: Status = { state: "connecting" };
  #lastId = 0;
  #attempt = 0;
  #openedAt = 0;
  #heardAt = 0;
  /** Runs while there is no connection: until the next attempt, or until the present one is given up. */
  #connectTimer: ReturnType<typeof setTimeout> | undefined;
  #pingTimer: ReturnType<typeof setInterval> | undefined;

  constructor(options: Options) {
    this.#options = options;
    addEventListener("online", this.retryNow);
    this.#connect();
  }

  /** Starts a subscription, now or as soon as there is a connection. Returns the function that ends it. */
  subscribe(request: Subscription, handlers: Handlers): () => void {
    const id = String(++this.#lastId);
    this.#subscriptions.set(id, { request, handlers });
    this.#request(id, request);
    return () => {
      this.#unconfirmed.delete(id);
      if (this.#subscriptions.delete(id)) this.#send({ type: "unsubscribe", id });
    };
  }

  /** Does not wait for the next attempt; for a button, and for when the network returns. */
  retryNow = (): void => {
    if (this.#status.state === "reconnecting") this.#connect();
  };

  close(): void {
    this.#end({ state: "closed" });
  }

  #connect(): void {
    clearTimeout(this.#connectTimer);
    this.#setStatus({ state: "connecting" });
    const url = new URL("/api/v1/live", this.#options.address ?? location.origin);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    // Browsers cannot set headers on a WebSocket: the token travels as a second subprotocol.
    const socket = new WebSocket(url, ["citytrack.v1", `bearer.${this.#options.token}`]);
    this.#socket = socket;
    socket.onopen = () => this.#opened();
    socket.onmessage = (event) => this.#heard(event.data);
    socket.onclose = (event) => this.#lost(socket, event.code);
    this.#connectTimer = setTimeout(() => this.#drop(), CONNECT_MS);
  }

  #opened(): void {
    clearTimeout(this.#connectTimer);
    this.#openedAt = this.#heardAt = Date.now();
    this.#pingTimer = setInterval(() => this.#ping(), PING_EVERY_MS);
    for (const [id, { request }] of this.#subscriptions) this.#request(id, request);
    this.#liveIfConfirmed();
  }

  #heard(data: unknown): void {
    this.#heardAt = Date.now();
    const message = JSON.parse(String(data)) as ServerMessage;
    const handlers =
      "id" in message && message.id ? this.#subscriptions.get(message.id)?.handlers : undefined;
    switch (message.type) {
      case "frame":
        handlers?.onFrame(message);
        break;
      case "subscribed":
        this.#unconfirmed.delete(message.id);
        this.#liveIfConfirmed();
        handlers?.onSubscribed?.(message);
        for (const frame of message.snapshot) handlers?.onFrame(frame);
        break;
      case "gap":
        handlers?.onGap?.(message);
        break;
      case "error":
        this.#refusedSubscription(message, handlers);
        break;
    }
  }

  #refusedSubscription(error: FeedError, handlers: Handlers | undefined): void {
    if (!error.id) return;
    // The server cannot reach its broker: that passes, so it is treated like a lost connection.
    if (error.code === "unavailable") return this.#drop();
    this.#subscriptions.delete(error.id);
    this.#unconfirmed.delete(error.id);
    this.#liveIfConfirmed();
    handlers?.onError?.(error);
  }

  /** The connection is gone, or never came to be. A socket that is no longer ours has nothing to say. */
  #lost(socket: WebSocket, code: number): void {
    if (socket !== this.#socket) return;
    clearTimeout(this.#connectTimer);
    const wasOpen = this.#openedAt > 0;
    if (wasOpen && Date.now() - this.#openedAt > GOOD_CONNECTION_MS) this.#attempt = 0;
    this.#forgetSocket();
    if (code === CLOSE_TOKEN_EXPIRED) {
      this.#end({ state: "expired" });
      return;
    }
    const delay = retryDelay(this.#attempt++);
    this.#setStatus({ state: "reconnecting", retryAt: Date.now() + delay });
    this.#connectTimer = setTimeout(() => this.#connect(), delay);
    if (!wasOpen) void this.#askWhyRefused();
  }

  /** A browser does not tell a page why an upgrade failed; the same token over plain HTTP does. */
  async #askWhyRefused(): Promise<void> {
    const url = new URL("/api/v1/venues", this.#options.address ?? location.origin);
    const headers = { authorization: `Bearer ${this.#options.token}` };
    const status = await fetch(url, { headers }).then(
      (response) => response.status,
      () => 0,
    );
    const isTrying = this.#status.state === "reconnecting" || this.#status.state === "connecting";
    if (status === 401 && isTrying) {
      this.#end({ state: tokenExpired(this.#options.token) ? "expired" : "refused" });
    }
  }

  #request(id: string, request: Subscription): void {
    this.#unconfirmed.add(id);
    this.#send({ type: "subscribe", id, ...request });
  }

  #liveIfConfirmed(): void {
    const isOpen = this.#socket?.readyState === WebSocket.OPEN;
    if (isOpen && this.#unconfirmed.size === 0) this.#setStatus({ state: "live" });
  }

  #ping(): void {
    if (Date.now() - this.#heardAt < SILENCE_MS) this.#send({ type: "ping" });
    else this.#drop();
  }

  /** Gives up this connection. Over a dead network the closing handshake takes long; it is not waited for. */
  #drop(): void {
    const socket = this.#socket;
    socket?.close();
    if (socket) this.#lost(socket, 1006);
  }

  #send(message: object): void {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }

  #forgetSocket(): void {
    clearInterval(this.#pingTimer);
    this.#socket = undefined;
    this.#openedAt = 0;
  }

  #end(status: Status): void {
    clearTimeout(this.#connectTimer);
    removeEventListener("online", this.retryNow);
    const socket = this.#socket;
    this.#forgetSocket();
    socket?.close(1000);
    this.#setStatus(status);
  }

  #setStatus(status: Status): void {
    if (this.#status.state === "live" && status.state === "live") return;
    this.#status = status;
    this.#options.onStatus(status);
  }
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

function tokenExpired(token: string): boolean {
  const expiry = tokenExpiry(token);
  return expiry !== undefined && expiry <= Date.now();
}
