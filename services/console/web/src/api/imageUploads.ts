import { asApiError, request } from "./client";
import { upload } from "./upload";

/** What is said about a picture when it is sent. */
export interface ImageFacts {
  /** UUIDv7: the same picture sent again under its id is stored once. */
  id: string;
  camera?: string | undefined;
  captured_at?: string | undefined;
  /** JSON: `[{"class": "person", "confidence": 0.9, "box": [left, top, width, height]}]` */
  boxes?: string | undefined;
}

interface Sending {
  signal: AbortSignal;
  /** How much of the file is on its way: 0 to 1. */
  onProgress: (share: number) => void;
}

interface UploadToken {
  token: string;
  expires_at: string;
}

/** A token that ends sooner than this is not used any more. */
const USABLE_MS = 30_000;

const issueToken = (node: string) =>
  request<UploadToken>(`/api/v1/nodes/${encodeURIComponent(node)}/upload-tokens`, { method: "POST" });

/** Sends pictures in the name of a node: with a token that lasts some minutes and is renewed when it has to be. */
export class ImageUploads {
  readonly node: string;
  #token: Promise<UploadToken> | undefined;

  /** `node`: its id. */
  constructor(node: string) {
    this.node = node;
  }

  /** Returns when the picture is safe with the platform. Throws `ApiError`, or the reason of the signal. */
  async send(file: File, facts: ImageFacts, sending: Sending): Promise<void> {
    try {
      await this.#send(file, facts, sending);
    } catch (error) {
      if (sending.signal.aborted || asApiError(error).status !== 401) throw error;
      this.#token = undefined;
      await this.#send(file, facts, sending);
    }
  }

  async #send(file: File, facts: ImageFacts, sending: Sending): Promise<void> {
    const token = await this.#usableToken();
    const contentType = file.type || "application/octet-stream";
    await upload("/api/v1/images", file, { query: { ...facts }, contentType, token, ...sending });
  }

  async #usableToken(): Promise<string> {
    const known = await this.#token?.catch(() => undefined);
    if (known && Date.parse(known.expires_at) - Date.now() > USABLE_MS) return known.token;
    this.#token = issueToken(this.node);
    return (await this.#token).token;
  }
}
