import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Session } from "../api/session";

/** A session whose viewer token ends so many seconds from now. */
function session(viewer_token: string, seconds: number): Session {
  return {
    user: { id: "1", name: "anna", display_name: "Anna" },
    roles: [{ venue: null, role: "viewer" }],
    csrf_token: "csrf",
    expires_at: new Date(Date.now() + 3_600_000).toISOString(),
    viewer_token,
    viewer_token_expires_at: new Date(Date.now() + seconds * 1000).toISOString(),
  };
}

/** What the server answers, one after the other; what was asked is kept. */
let answers: (() => Response)[] = [];
let asked: [path: string, authorization: string | undefined][] = [];
let subject: typeof import("./session");

beforeEach(async () => {
  vi.useFakeTimers();
  [answers, asked] = [[], []];
  vi.stubGlobal("fetch", async (path: string, { headers }: { headers: Record<string, string> }) => {
    asked.push([path, headers["authorization"]]);
    const next = answers.shift();
    if (!next) throw new TypeError("nobody answers");
    return next();
  });
  // The state of a page belongs to the module: every test is a new page.
  vi.resetModules();
  subject = await import("./session");
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

test("a viewer token that lasts is used, one that is about to end is exchanged first", async () => {
  answers = [() => Response.json(session("first", 900)), () => Response.json(session("second", 900))];
  expect([await subject.viewerToken(), await subject.viewerToken()]).toEqual(["first", "first"]);
  expect(asked).toHaveLength(1);
  vi.setSystemTime(Date.now() + 890_000);
  expect(await subject.viewerToken()).toBe("second");
});

test("the session is renewed by itself before the viewer token ends", async () => {
  answers = [() => Response.json(session("first", 900)), () => Response.json(session("second", 900))];
  await subject.loadSession();
  await vi.advanceTimersByTimeAsync(800_000);
  expect(asked).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(20_000);
  expect(asked).toHaveLength(2);
  expect(await subject.viewerToken()).toBe("second");
});

test("several who need the session at once ask once", async () => {
  answers = [() => Response.json(session("only", 900))];
  const tokens = await Promise.all([subject.viewerToken(), subject.viewerToken(), subject.loadSession()]);
  expect(tokens.slice(0, 2)).toEqual(["only", "only"]);
  expect(asked).toHaveLength(1);
});

test("a viewer token that is refused is exchanged, once", async () => {
  answers = [
    () => Response.json(session("old", 900)),
    () => Response.json({}, { status: 401 }),
    () => Response.json(session("new", 900)),
    () => Response.json({ count: 7 }),
  ];
  expect(await subject.requestAsViewer("/api/v1/counts")).toEqual({ count: 7 });
  expect(asked.map(([, authorization]) => authorization)).toEqual([
    undefined,
    "Bearer old",
    undefined,
    "Bearer new",
  ]);

  answers = [
    () => Response.json({}, { status: 401 }),
    () => Response.json(session("newer", 900)),
    () => Response.json({}, { status: 401 }),
  ];
  await expect(subject.requestAsViewer("/api/v1/counts")).rejects.toMatchObject({ status: 401 });
});

test("when the session has ended there is no token, and when the server is away it is tried again", async () => {
  answers = [() => Response.json({}, { status: 401 })];
  await expect(subject.viewerToken()).rejects.toThrow();

  await expect(subject.viewerToken()).rejects.toMatchObject({ status: 0 });
  answers = [() => Response.json(session("again", 900))];
  expect(await subject.viewerToken()).toBe("again");
});
