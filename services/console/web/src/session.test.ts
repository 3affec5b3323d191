import { expect, test } from "vitest";
import { tokenIn } from "./session";

test.each([
  ["aa.bb-_.cc", "aa.bb-_.cc"],
  ["  aa.bb.cc\n", "aa.bb.cc"],
  ["https://city.example/live#token=aa.bb.cc", "aa.bb.cc"],
  ["/live?venue=demo#token=aa.bb.cc&x=1", "aa.bb.cc"],
  ["#token=aa.bb.cc", "aa.bb.cc"],
])("finds the token in %j", (text, token) => expect(tokenIn(text)).toBe(token));

test.each(["", "hello", "https://city.example/live", "aa.bb", "aa.bb.cc.dd", "#token=<script>"])(
  "finds no token in %j",
  (text) => expect(tokenIn(text)).toBeUndefined(),
);
