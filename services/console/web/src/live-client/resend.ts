const FIRST_MS = 1_000;
const LONGEST_MS = 30_000;

/** Sends again what the server did not take because there was too much at once, after a pause that doubles each time. */
export class Resend {
  readonly #send: (id: string) => void;
  readonly #ids = new Set<string>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #pauses = 0;

  constructor(send: (id: string) => void) {
    this.#send = send;
  }

  /** The message about the subscription `id` was not taken. */
  later(id: string): void {
    this.#ids.add(id);
    this.#timer ??= setTimeout(() => this.#now(), Math.min(LONGEST_MS, FIRST_MS * 2 ** this.#pauses++));
  }

  /** The server takes messages: the next pause is a short one again. */
  succeeded(): void {
    this.#pauses = 0;
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#ids.clear();
    this.#pauses = 0;
  }

  #now(): void {
    this.#timer = undefined;
    const ids = [...this.#ids];
    this.#ids.clear();
    for (const id of ids) this.#send(id);
  }
}
