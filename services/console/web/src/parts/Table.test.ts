import { expect, test } from "vitest";
import { type Column, sorted } from "./Table";

interface Row {
  name: string;
  size?: number;
}

const columns: Column<Row>[] = [
  { key: "name", header: "Name", cell: () => null, sort: (row) => row.name },
  { key: "size", header: "Size", cell: () => null, sort: (row) => row.size },
  { key: "fixed", header: "Fixed", cell: () => null },
];
const rows: Row[] = [{ name: "b10", size: 2 }, { name: "b9" }, { name: "A", size: 11 }];
const names = (order: string | undefined) => sorted(rows, columns, order).map((row) => row.name);

test("rows are sorted by a column, from either end, and what has no value comes last", () => {
  expect(names("name")).toEqual(["A", "b9", "b10"]);
  expect(names("-name")).toEqual(["b10", "b9", "A"]);
  expect(names("size")).toEqual(["b10", "A", "b9"]);
  expect(names("-size")).toEqual(["A", "b10", "b9"]);
});

test("what cannot be sorted stays as it is", () => {
  expect([names(undefined), names("fixed"), names("-no-such")]).toEqual(Array(3).fill(["b10", "b9", "A"]));
});
