import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";
import { snippets } from "./snippets";

const SERVER = "https://count.example:8443";
const KEY = `ctn_it's "$HOME" \\ here`;

const [node, curl] = snippets(SERVER, KEY, new Date("2026-11-22T10:00:00Z")).map(({ text }) => text);

/** What a POSIX shell prints, a line each. */
const printed = (script: string) => execFileSync("sh", ["-euc", script]).toString().trimEnd().split("\n");

test("a shell reads server and key as they are, whatever quotes are in them", () => {
  const exports = node?.split("\n").filter((line) => line.startsWith("export ")) ?? [];
  const show = `printf '%s\\n' "$CITYTRACK_SERVER" "$CITYTRACK_NODE_KEY"`;
  expect(printed([...exports, show].join("\n"))).toEqual([SERVER, KEY]);
});

test("a shell hands curl the address, the key, and a batch", () => {
  const words = printed(`curl() { printf '%s\\n' "$@"; }\n${curl}`);
  expect(words).toContain(`${SERVER}/api/v1/detections`);
  expect(words).toContain(`Authorization: Bearer ${KEY}`);
  expect(JSON.parse(words.at(-1) ?? "").frames[0].captured_at).toBe("2026-11-22T10:00:00.000Z");
});
