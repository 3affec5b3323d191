import { headersOf, type Query, succeeded, unreachable, withQuery } from "./client";

interface UploadOptions {
  query: Query;
  contentType: string;
  /** A bearer token. Without one the session of the browser counts. */
  token?: string;
  signal: AbortSignal;
  /** How much of the file is on its way: 0 to 1. */
  onProgress: (share: number) => void;
}

/**
 * Sends a file; the answer is a success. Throws `ApiError`, or the reason of `signal`.
 * `fetch` does not say how far it has come with what it sends, so this is an XMLHttpRequest.
 */
export async function upload(path: string, file: File, options: UploadOptions): Promise<Response> {
  const response = await new Promise<Response>((resolve, reject) => {
    const { signal, contentType, token } = options;
    const request = new XMLHttpRequest();
    request.open("POST", withQuery(path, options.query));
    const headers = headersOf({ method: "POST", body: file, contentType, token });
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.upload.onprogress = ({ loaded, total }) => options.onProgress(total > 0 ? loaded / total : 0);
    request.onload = () => resolve(answerOf(request));
    request.onerror = () => reject(unreachable());
    request.onabort = () => reject(signal.reason);
    signal.addEventListener("abort", () => request.abort(), { once: true });
    request.send(file);
  });
  return succeeded(response, path, options.token);
}

function answerOf(request: XMLHttpRequest): Response {
  const wait = request.getResponseHeader("retry-after");
  return new Response(request.responseText, {
    status: request.status,
    headers: wait === null ? {} : { "retry-after": wait },
  });
}
