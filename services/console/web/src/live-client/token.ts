/** A token function that has not answered by then has failed. */
const ANSWER_MS = 30_000;
/** Far more than any viewer token, and less than what the server reads. */
const LONGEST = 8_000;
const FORM = /^[\w-]+\.[\w-]+\.[\w-]+$/;

/** What the page gave as `token`, and what came of it. */
export class TokenSource {
  readonly #given: string | (() => Promise<string>);
  #token: Promise<string> | undefined;

  constructor(given: string | (() => Promise<string>)) {
    this.#given = given;
  }

  /** There will never be another token. */
  get isFixed(): boolean {
    return typeof this.#given === "string";
  }

  /** The present token, asked for if there is none; rejects when it cannot be had. */
  get(): Promise<string> {
    if (!this.#token) {
      const token = this.#ask();
      token.catch(() => {
        if (this.#token === token) this.forget();
      });
      this.#token = token;
    }
    return this.#token;
  }

  /** The present token is of no use any more. */
  forget(): void {
    this.#token = undefined;
  }

  async #ask(): Promise<string> {
    const token = typeof this.#given === "string" ? this.#given : await inTime(this.#given());
    const trimmed = String(token).trim();
    // An error page, say. It is nobody's business, so it is not sent.
    if (trimmed.length > LONGEST || !FORM.test(trimmed)) {
      throw new TypeError("This is not a viewer token: it does not have three parts between dots.");
    }
    return trimmed;
  }
}

function inTime<T>(answer: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`No token came within ${ANSWER_MS / 1000} seconds.`)),
      ANSWER_MS,
    );
  });
  return Promise.race([answer, late]).finally(() => clearTimeout(timer));
}
