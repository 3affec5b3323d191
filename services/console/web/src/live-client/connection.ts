import { Heartbeat } from "./heartbeat";
import type { ClientMessage, ServerMessage } from "./messages";

/** A connection that is not there by then is given up; browsers alone wait for minutes. */
const CONNECT_MS = 10_000;
/** What WebSocket calls a connection that ended without a word. */
export const LOST = 1006;

export interface ConnectionEvents {
  onOpen(): void;
  onMessage(message: ServerMessage): void;
  /** Once at most, and nothing after it. */
  onEnd(code: number): void;
}

/** One WebSocket, from the handshake until it ends, by itself or by `close`. */
export class Connection {
  readonly #socket: WebSocket;
  readonly #events: ConnectionEvents;
  readonly #connecting: ReturnType<typeof setTimeout>;
  #heartbeat: Heartbeat | undefined;

  constructor(url: URL, events: ConnectionEvents) {
    this.#events = events;
    const socket = new WebSocket(url, "citytrack.v1");
    this.#socket = socket;
    this.#connecting = setTimeout(() => this.end(LOST), CONNECT_MS);
    socket.onopen = () => this.#opened();
    socket.onmessage = (event) => this.#heard(event.data);
    socket.onclose = (event) => this.end(event.code);
  }

  send(message: ClientMessage): void {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }

  /** Makes sure that the other side is still there; ends the connection if it is not. */
  probe(): void {
    this.#heartbeat?.probe();
  }

  /** Ends the connection and tells so. Over a dead network the closing handshake takes long: it is not waited for. */
  end(code: number): void {
    this.close();
    this.#events.onEnd(code);
  }

  /** Ends the connection without a word. */
  close(): void {
    clearTimeout(this.#connecting);
    this.#heartbeat?.stop();
    this.#socket.onopen = this.#socket.onmessage = this.#socket.onclose = null;
    this.#socket.close();
  }

  #opened(): void {
    clearTimeout(this.#connecting);
    this.#heartbeat = new Heartbeat(
      () => this.send({ type: "ping" }),
      () => this.end(LOST),
    );
    this.#events.onOpen();
  }

  #heard(data: string): void {
    this.#heartbeat?.heard();
    this.#events.onMessage(JSON.parse(data) as ServerMessage);
  }
}
