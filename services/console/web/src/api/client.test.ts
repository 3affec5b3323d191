import { afterEach, expect, test, vi } from "vitest";
import { ApiError, asApiError, onSessionEnd, request, sentence, setCsrfToken, withQuery } from "./client";

afterEach(() => {
  vi.unstubAllGlobals();
  setCsrfToken(undefined);
});

/** Lets the next requests be answered by `answer`; returns what was asked. */
function answering(answer: () => Response | Promise<Response>) {
  const asked = vi.fn<(path: string, init: RequestInit) => Promise<Response>>(async () => answer());
  vi.stubGlobal("fetch", asked);
  return asked;
}

const headersOf = (asked: ReturnType<typeof answering>) =>
  asked.mock.calls[0]?.[1].headers as Record<string, string>;

test("only parameters with a value are part of an address", () => {
  expect(withQuery("/x", { a: "1 2", b: undefined, c: null, d: "", e: 0, f: false })).toBe(
    "/x?a=1+2&e=0&f=false",
  );
  expect(withQuery("/x", {})).toBe("/x");
});

test("details become sentences", () => {
  expect(["must not be empty", "Gone.", "why?", " "].map(sentence)).toEqual([
    "Must not be empty.",
    "Gone.",
    "Why?",
    "",
  ]);
});

test("changes carry the CSRF token, reads and bearers do not", async () => {
  setCsrfToken("secret");
  const change = answering(() => new Response(null, { status: 204 }));
  expect(await request("/api/v1/x", { method: "POST", body: { a: 1 } })).toBeUndefined();
  expect(headersOf(change)).toEqual({ "x-csrf-token": "secret", "content-type": "application/json" });

  const read = answering(() => Response.json({ ok: true }));
  expect(await request("/api/v1/x")).toEqual({ ok: true });
  expect(headersOf(read)).toEqual({});

  const bearer = answering(() => Response.json({}));
  await request("/api/v1/x", { method: "DELETE", token: "t" });
  expect(headersOf(bearer)).toEqual({ authorization: "Bearer t" });
});

test("a refusal is told with what is wrong and how long to wait", async () => {
  const problem = {
    type: "https://example.org/problems/invalid-body",
    detail: "two fields are wrong",
    violations: [{ pointer: "/name", message: "is missing" }],
  };
  answering(() => Response.json(problem, { status: 422, headers: { "retry-after": "7" } }));
  const error = await request("/api/v1/x").catch(asApiError);
  expect(error).toBeInstanceOf(ApiError);
  expect(error).toMatchObject({
    status: 422,
    message: "Two fields are wrong.",
    kind: "invalid-body",
    retryAfterSeconds: 7,
    violations: [{ pointer: "/name", message: "is missing" }],
  });
});

test("no answer at all is told apart from being told to stop", async () => {
  answering(() => Promise.reject(new TypeError("fetch failed")));
  await expect(request("/api/v1/x")).rejects.toMatchObject({ status: 0 });
  const aborter = new AbortController();
  aborter.abort();
  await expect(request("/api/v1/x", { signal: aborter.signal })).rejects.toThrow("fetch failed");
});

test("401 ends the session, unless the request was not made with it", async () => {
  const ended = vi.fn();
  onSessionEnd(ended);
  answering(() => new Response("{}", { status: 401 }));
  await request("/api/v1/x", { token: "t" }).catch(asApiError);
  await request("/api/v1/session", { method: "POST", body: {} }).catch(asApiError);
  expect(ended).not.toHaveBeenCalled();
  await request("/api/v1/x").catch(asApiError);
  expect(ended).toHaveBeenCalledOnce();
});
