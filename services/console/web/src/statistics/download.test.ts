import { describe, expect, test } from "vitest";
import { fileName, type Progress, RowCounter, save, type Sink } from "./download";

const bytes = (text: string) => new TextEncoder().encode(text);

function sink() {
  const heard: string[] = [];
  const made: Sink = {
    write: async (piece) => void heard.push(new TextDecoder().decode(piece)),
    close: async () => void heard.push("closed"),
    abort: async () => void heard.push("given up"),
  };
  return { heard, made };
}

const answer = (pieces: string[], headers: Record<string, string>, failure?: Error) =>
  new Response(
    new ReadableStream({
      start(stream) {
        for (const piece of pieces) stream.enqueue(bytes(piece));
        if (failure) stream.error(failure);
        else stream.close();
      },
    }),
    { headers },
  );

describe("rows are counted as they come", () => {
  test("CSV has a header, wherever it is cut", async () => {
    const seen: Progress[] = [];
    const { heard, made } = sink();
    const response = answer(["a,b\n1,", "2\n3,4", "\n"], {
      "content-type": "text/csv",
      "citytrack-rows": "2",
    });
    const last = await save(response, made, (progress) => seen.push(progress));
    expect(last).toEqual({ rows: 2, expected: 2, bytes: 12 });
    expect(seen.map(({ rows }) => rows)).toEqual([0, 0, 1, 2]);
    expect(heard.join("|")).toBe("a,b\n1,|2\n3,4|\n|closed");
  });

  test("NDJSON has none, and other files cannot be counted", () => {
    const [lines, parquet] = [
      new RowCounter("application/x-ndjson"),
      new RowCounter("application/vnd.apache.parquet"),
    ];
    for (const counter of [lines, parquet]) counter.add(bytes("{}\n{}\n"));
    expect([lines.rows, parquet.rows]).toEqual([2, 0]);
  });
});

test("a file of which a part is missing is given up", async () => {
  const { heard, made } = sink();
  const response = answer([], { "content-type": "text/csv" }, new Error("cut"));
  await expect(save(response, made, () => {})).rejects.toThrow("cut");
  expect(heard).toEqual(["given up"]);
});

test("the file has the name that the answer gives it", () => {
  const named = answer([], { "content-disposition": 'attachment; filename="counts-2026.csv"' });
  expect(fileName(named, "x.csv")).toBe("counts-2026.csv");
  expect(fileName(answer([], {}), "x.csv")).toBe("x.csv");
});
