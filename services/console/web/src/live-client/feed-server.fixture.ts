import type { AddressInfo } from "node:net";
import { type WebSocket as Socket, WebSocketServer } from "ws";
import type { ClientMessage, Frame, ServerMessage } from "./messages";

/** The token that is accepted. */
export const GOOD = "a.good.token";

type Subscribe = Extract<ClientMessage, { type: "subscribe" }>;

/** A server of the live feed's protocol, with one camera, whose every move a test decides. Cursors are frame numbers. */
export class FeedServer {
  readonly #server: WebSocketServer;
  /** Each connection's subscriptions. */
  readonly #open = new Map<Socket, Set<string>>();
  /** What was published and can still be had by a cursor. */
  #ring: number[] = [];
  #published = 0;
  connections = 0;
  readonly received: ClientMessage[] = [];
  readonly tokens = new Set([GOOD]);
  venues = ["demo"];
  /** Lets nobody in. */
  full = false;
  /** Answers no token. */
  deaf = false;
  /** How many more messages about a subscription are too many. */
  tooMany = 0;
  /** How many frames of a replay are sent until the connection ends, once. */
  replayEndsAfter: number | undefined;
  /** Answers to `subscribe` by venue, instead of `subscribed`. */
  readonly refusals = new Map<string, string>();

  static async start(): Promise<FeedServer> {
    const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
    await new Promise((listening) => server.once("listening", listening));
    return new FeedServer(server);
  }

  private constructor(server: WebSocketServer) {
    this.#server = server;
    server.on("connection", (socket) => {
      this.connections++;
      this.#open.set(socket, new Set());
      socket.on("message", (data) => this.#heard(socket, JSON.parse(String(data)) as ClientMessage));
      socket.on("close", () => this.#open.delete(socket));
    });
  }

  get url(): string {
    return `ws://127.0.0.1:${(this.#server.address() as AddressInfo).port}/api/v1/live`;
  }

  get open(): number {
    return this.#open.size;
  }

  /** The `subscribe` messages so far. */
  get subscribes(): Subscribe[] {
    return this.received.filter((message) => message.type === "subscribe");
  }

  publish(frames = 1): void {
    for (const last = this.#published + frames; this.#published < last;) {
      this.#ring.push(++this.#published);
      for (const [socket, ids] of this.#open) for (const id of ids) this.#send(socket, this.#frame(id));
    }
  }

  /** Forgets what was published: cursors can no longer be served. */
  forget(): void {
    this.#ring = [];
  }

  say(message: ServerMessage | { type: "novelty" }): void {
    for (const socket of this.#open.keys()) socket.send(JSON.stringify(message));
  }

  /** Ends every connection, with this code or (1006) without a word. */
  end(code = 1006): void {
    for (const socket of this.#open.keys()) {
      if (code === 1006) socket.terminate();
      else socket.close(code);
    }
    this.#open.clear();
  }

  async stop(): Promise<void> {
    this.end();
    await new Promise((closed) => this.#server.close(closed));
  }

  #heard(socket: Socket, message: ClientMessage): void {
    this.received.push(message);
    const ids = this.#open.get(socket);
    if (message.type === "authenticate") this.#authenticate(socket, message.token);
    if (message.type === "ping") this.#send(socket, { type: "pong" });
    if (!ids || !("id" in message)) return;
    if (this.tooMany > 0) {
      this.tooMany--;
      this.#send(socket, { type: "error", id: message.id, code: "too-many-messages", message: "" });
    } else if (message.type === "subscribe") {
      this.#subscribe(socket, ids, message);
    } else {
      ids.delete(message.id);
      this.#send(socket, { type: "unsubscribed", id: message.id });
    }
  }

  #authenticate(socket: Socket, token: string): void {
    const expires_at = "2026-11-22T18:00:00Z";
    if (this.deaf) return;
    if (this.full) this.#send(socket, { type: "error", code: "too-many-sockets", message: "" });
    else if (this.tokens.has(token))
      this.#send(socket, { type: "authenticated", venues: this.venues, expires_at });
    else this.#send(socket, { type: "error", code: "unauthorized", message: "not one of ours" });
  }

  #subscribe(socket: Socket, ids: Set<string>, { id, venue, since, max_rate }: Subscribe): void {
    const isNonsense = since !== undefined && Number.isNaN(Number(since));
    const code = isNonsense ? "invalid-cursor" : this.refusals.get(venue);
    if (code) return this.#send(socket, { type: "error", id, code, message: "" });
    ids.add(id);
    const from = Number(since ?? Number.NaN) + 1;
    const recovered = from > this.#published || this.#ring.includes(from);
    const replays = recovered && max_rate === undefined;
    const snapshot = replays || this.#published === 0 ? [] : [{ ...this.#frame(id), age: 0.5 }];
    const cursor = replays ? String(since) : `${this.#published}`;
    this.#send(socket, { type: "subscribed", id, venue, cursor, recovered, snapshot });
    const missed = this.#ring.filter((frame) => recovered && frame >= from);
    if (replays) this.#replay(socket, id, missed);
    else if (missed.length > 1) {
      const cameras = ["north/entrance"];
      this.#send(socket, { type: "gap", id, dropped: missed.length - 1, cameras, reason: "rate" });
    }
  }

  #replay(socket: Socket, id: string, missed: number[]): void {
    const endsAfter = this.replayEndsAfter;
    this.replayEndsAfter = undefined;
    for (const frame of missed.slice(0, endsAfter)) this.#send(socket, this.#frame(id, frame));
    if (endsAfter === undefined) return;
    this.#open.delete(socket);
    socket.close(1012);
  }

  #frame(id: string, frame = this.#published): Frame {
    const at = "2026-11-22T10:00:00Z";
    const where = { venue: "demo", node: "north", camera: "entrance", captured_at: at, received_at: at };
    return { type: "frame", id, cursor: `${frame}`, frame, ...where, detections: [] };
  }

  #send(socket: Socket, message: ServerMessage): void {
    socket.send(JSON.stringify(message));
  }
}
