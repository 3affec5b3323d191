const QUIET_MS = 25_000;
const ANSWER_MS = 10_000;

/**
 * Finds out that a connection is dead though nobody said so (a laptop that slept, a firewall that forgot). Browsers hide
 * WebSocket's own pings from pages, so after a silence the server is asked for a word.
 *
 * A silence alone proves nothing: in a page in the background timers may stand still for minutes. So each check that finds
 * one asks first, and the connection is given up only if no answer comes after that.
 */
export class Heartbeat {
  readonly #ask: () => void;
  readonly #onDead: () => void;
  #heardAt = Date.now();
  #asked = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(ask: () => void, onDead: () => void) {
    this.#ask = ask;
    this.#onDead = onDead;
    this.#timer = setTimeout(this.#check, QUIET_MS);
  }

  /** To be called at every message. */
  heard(): void {
    this.#heardAt = Date.now();
    this.#asked = false;
  }

  /** Asks now, for when there is reason to doubt. */
  probe(): void {
    if (this.#asked) return;
    this.#asked = true;
    this.#ask();
    this.#checkIn(ANSWER_MS);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  readonly #check = (): void => {
    const quiet = Date.now() - this.#heardAt;
    if (this.#asked) this.#onDead();
    else if (quiet >= QUIET_MS) this.probe();
    else this.#checkIn(QUIET_MS - quiet);
  };

  #checkIn(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(this.#check, ms);
  }
}
