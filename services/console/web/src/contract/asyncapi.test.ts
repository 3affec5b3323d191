// The written contract of the live feed, `proto-schemas/live`, in itself: that the service keeps it is tested where the
// service is.
import specs from "@asyncapi/specs";
import { Ajv, type AnySchema } from "ajv";
import { Ajv2020 } from "ajv/dist/2020.js";
import { expect, test } from "vitest";
import { parse } from "yaml";
import text from "../../../../../proto-schemas/live/asyncapi.yaml?raw";

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
type Message = { payload: { schema: { $ref: string } }; examples: { name: string; payload: Json }[] };

const document = parse(text) as { [key: string]: Json } & {
  components: { messages: Record<string, Message> };
};
const messages = Object.entries(document.components.messages);
const files = import.meta.glob<{ [key: string]: Json }>("../../../../../proto-schemas/live/*.json", {
  eager: true,
  import: "default",
});
const schemas = new Map(Object.entries(files).map(([path, schema]) => [path.replace(/.*\//, ""), schema]));

const validator = new Ajv2020({ strict: true, strictTypes: false, validateFormats: false, allErrors: true });
for (const [file, schema] of schemas) validator.addSchema(schema, file);

/** All `$ref` in a document, with the place of each. */
function references(value: Json, place = ""): [string, string][] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, part]) =>
    key === "$ref" && typeof part === "string" ? [[place, part]] : references(part, `${place}/${key}`),
  );
}

/** What a `$ref` in `home` leads to. */
function target(reference: string, home: Json): Json | undefined {
  const [file, pointer = ""] = reference.split("#", 2);
  let found = file ? schemas.get(file) : home;
  for (const key of pointer.split("/").slice(1))
    found = (found as { [key: string]: Json } | undefined)?.[key];
  return found;
}

test("the document is AsyncAPI 3.0", () => {
  const official = new Ajv({ strict: false, validateFormats: false }).compile(
    specs.schemasWithoutId["3.0.0"] as AnySchema,
  );
  official(document);
  expect(official.errors).toBeNull();
});

test("every reference leads somewhere", () => {
  for (const [name, home] of [["asyncapi.yaml", document] as const, ...schemas]) {
    for (const [place, reference] of references(home)) {
      expect(target(reference, home), `${name} ${place} → ${reference}`).toBeDefined();
    }
  }
});

test("every message has its own schema", () => {
  const named = messages.map(([name, message]) => [name, message.payload.schema.$ref]);
  const files = [...schemas.keys()].filter((file) => file !== "definitions.json");
  expect(named.sort()).toEqual(files.sort().map((file) => [file.replace(".json", ""), file]));
  for (const [name] of messages)
    expect(schemas.get(`${name}.json`)).toHaveProperty("properties.type.const", name);
});

test.each(messages)("the examples of %s are right", (name, message) => {
  const schema = validator.getSchema(`${name}.json`);
  expect(message.examples).not.toHaveLength(0);
  for (const example of message.examples) {
    schema?.(example.payload);
    expect(schema?.errors, example.name).toBeNull();
    expect(validator.validate(`${name}.json`, { ...(example.payload as object), type: "other" })).toBe(false);
  }
});
