import { type ApiError, asApiError } from "../../api/client";
import { Store } from "../../store";
import { uuidV7 } from "../../uuid";

export type ItemState =
  | { is: "waiting" }
  /** `share`: how much of the file is on its way, 0 to 1. */
  | { is: "sending"; share: number }
  /** The platform has no room at the moment; it is sent again by itself, so many seconds after it said so. */
  | { is: "later"; error: ApiError; waitSeconds: number }
  | { is: "received" }
  | { is: "failed"; error: ApiError }
  | { is: "cancelled" };

export interface Item {
  /** Of the picture, too: sent again it is the same one. */
  id: string;
  file: File;
  state: ItemState;
}

interface Sending {
  id: string;
  signal: AbortSignal;
  onProgress: (share: number) => void;
}

/** Sends a file; returns when it is safe. */
export type Send = (file: File, sending: Sending) => Promise<void>;

interface Kept {
  send: Send;
  attempts: number;
  aborter: AbortController | undefined;
  timer: ReturnType<typeof setTimeout> | undefined;
}

/** So many at a time: enough to keep a line busy. */
const AT_ONCE = 2;
/** So often a file is sent again by itself when the platform says that it has no room. */
const ATTEMPTS = 6;
const DEFAULT_WAIT_S = 2;

/** Files that are sent one after the other, in the order in which they were added. */
export class UploadQueue {
  readonly items = new Store<Item[]>([]);
  readonly #kept = new Map<string, Kept>();

  add(files: File[], send: Send): void {
    const added = files.map((file): Item => ({ id: uuidV7(), file, state: { is: "waiting" } }));
    for (const { id } of added) {
      this.#kept.set(id, { send, attempts: 0, aborter: undefined, timer: undefined });
    }
    this.items.set([...this.items.value, ...added]);
    this.#pump();
  }

  /** Sends a file again that could not be sent, or was not to be. */
  retry(id: string): void {
    const kept = this.#kept.get(id);
    if (kept) kept.attempts = 0;
    this.#set(id, { is: "waiting" });
    this.#pump();
  }

  cancel(id: string): void {
    const kept = this.#kept.get(id);
    clearTimeout(kept?.timer);
    this.#set(id, { is: "cancelled" });
    kept?.aborter?.abort();
    this.#pump();
  }

  /** Gives up everything that is not sent yet. */
  close(): void {
    for (const { id, state } of this.items.value) if (isUnderWay(state)) this.cancel(id);
  }

  /** Takes files off the list that need nothing more. */
  tidy(): void {
    this.items.set(this.items.value.filter(({ state }) => isUnderWay(state) || state.is === "failed"));
  }

  #pump(): void {
    const sending = this.items.value.filter(({ state }) => state.is === "sending").length;
    const waiting = this.items.value.filter(({ state }) => state.is === "waiting");
    for (const item of waiting.slice(0, Math.max(0, AT_ONCE - sending))) void this.#send(item);
  }

  async #send({ id, file }: Item): Promise<void> {
    const kept = this.#kept.get(id);
    if (!kept) return;
    const { signal } = (kept.aborter = new AbortController());
    kept.attempts++;
    this.#set(id, { is: "sending", share: 0 });
    const onProgress = (share: number) => {
      if (!signal.aborted) this.#set(id, { is: "sending", share });
    };
    try {
      await kept.send(file, { id, signal, onProgress });
      if (!signal.aborted) this.#set(id, { is: "received" });
    } catch (thrown) {
      if (!signal.aborted) this.#failed(id, kept, asApiError(thrown));
    }
    this.#pump();
  }

  #failed(id: string, kept: Kept, error: ApiError): void {
    const hasNoRoom = error.status === 429 || error.status === 503;
    if (!hasNoRoom || kept.attempts >= ATTEMPTS) return this.#set(id, { is: "failed", error });
    const waitSeconds = error.retryAfterSeconds ?? DEFAULT_WAIT_S;
    this.#set(id, { is: "later", error, waitSeconds });
    const wait = () => {
      this.#set(id, { is: "waiting" });
      this.#pump();
    };
    kept.timer = setTimeout(wait, waitSeconds * 1000);
  }

  #set(id: string, state: ItemState): void {
    this.items.set(this.items.value.map((item) => (item.id === id ? { ...item, state } : item)));
  }
}

export const isUnderWay = ({ is }: ItemState): boolean =>
  is === "waiting" || is === "sending" || is === "later";
