/** Gets a file in pieces, counts its rows on the way, and puts it where it belongs. */

export interface Progress {
  rows: number;
  /** How many rows there will be; undefined: not known. */
  expected: number | undefined;
  bytes: number;
}

/** Where a file goes, piece by piece. */
export interface Sink {
  write: (piece: Uint8Array<ArrayBuffer>) => Promise<void>;
  close: () => Promise<void>;
  abort: () => Promise<void>;
}

const ROWS_HEADER = "citytrack-rows";
const LINE_FEED = 10;

/** Counts the rows of a text; the rows of other files cannot be seen from outside. */
export class RowCounter {
  #lines = 0;
  readonly #isText: boolean;
  readonly #headerLines: number;

  constructor(contentType: string) {
    this.#isText = /csv|ndjson/.test(contentType);
    this.#headerLines = contentType.includes("csv") ? 1 : 0;
  }

  add(piece: Uint8Array): void {
    if (!this.#isText) return;
    for (let at = piece.indexOf(LINE_FEED); at >= 0; at = piece.indexOf(LINE_FEED, at + 1)) this.#lines++;
  }

  get rows(): number {
    return Math.max(0, this.#lines - this.#headerLines);
  }
}

/** Writes the body of an answer to `sink`, and says how far it is. What was begun is given up if it fails. */
export async function save(
  response: Response,
  sink: Sink,
  onProgress: (progress: Progress) => void,
): Promise<Progress> {
  const counter = new RowCounter(response.headers.get("content-type") ?? "");
  const header = response.headers.get(ROWS_HEADER);
  const progress: Progress = { rows: 0, bytes: 0, expected: header === null ? undefined : Number(header) };
  onProgress({ ...progress });
  try {
    const reader = response.body?.getReader();
    for (;;) {
      const { done, value } = (await reader?.read()) ?? { done: true as const, value: undefined };
      if (done || !value) break;
      counter.add(value);
      await sink.write(value);
      progress.bytes += value.byteLength;
      progress.rows = counter.rows;
      onProgress({ ...progress });
    }
    await sink.close();
  } catch (error) {
    await sink.abort().catch(() => undefined);
    throw error;
  }
  return progress;
}

/** The name that the answer gives its file. */
export function fileName(response: Response, otherwise: string): string {
  const disposition = response.headers.get("content-disposition") ?? "";
  return /filename="([^"]+)"/.exec(disposition)?.[1] ?? otherwise;
}

interface PickerWindow {
  showSaveFilePicker?: (options: { suggestedName: string }) => Promise<FileSystemFileHandle>;
}

/** Whether files can go to the disk piece by piece, however large they are. */
export const hasPicker = (): boolean => "showSaveFilePicker" in window;

/** Asks where to; must be called while the browser still knows that somebody pressed a button. Throws if they changed their mind. */
export async function pickedSink(suggestedName: string): Promise<Sink> {
  const handle = await (window as PickerWindow).showSaveFilePicker?.({ suggestedName });
  if (!handle) throw new Error("This browser cannot choose files.");
  const stream = await handle.createWritable();
  return {
    write: (piece) => stream.write(piece),
    close: () => stream.close(),
    abort: () => stream.abort(),
  };
}

/** Keeps the file in memory and gives it to the browser's downloads at the end. */
export function memorySink(name: () => string): Sink {
  let pieces: Uint8Array<ArrayBuffer>[] = [];
  return {
    write: async (piece) => {
      pieces.push(piece);
    },
    close: async () => {
      const address = URL.createObjectURL(new Blob(pieces));
      const link = document.createElement("a");
      link.href = address;
      link.download = name();
      link.click();
      // The browser has begun to read it by then.
      setTimeout(() => URL.revokeObjectURL(address), 60_000);
    },
    abort: async () => {
      pieces = [];
    },
  };
}
