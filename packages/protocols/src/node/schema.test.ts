import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { Ajv2020 } from "ajv/dist/2020.js";
import { loadNodeVectors, textOf } from "./test-vectors.ts";

const schema = JSON.parse(readFileSync(new URL("./schema.json", import.meta.url), "utf8"));
const ajv = new Ajv2020({ allowUnionTypes: true, strictTuples: false });
ajv.addSchema(schema, "node");

function validatorOf(from: "node" | "core") {
  const validate = ajv.getSchema(`node#/$defs/${from === "node" ? "NodeFrame" : "CoreFrame"}`);
  assert.ok(validate);
  return validate;
}

test("every frame of the vectors that arrives as it was sent keeps to the JSON Schema", () => {
  let count = 0;
  for (const vector of loadNodeVectors()) {
    if (vector.error !== undefined) continue;
    const validate = validatorOf(vector.from);
    const frame = vector.frame ?? vector.wire;
    assert.ok(validate(frame), `${vector.file}: ${vector.title}: ${JSON.stringify(validate.errors)}`);
    count++;
  }
  assert.ok(count > 50);
});

test("nothing that a decoder refuses keeps to the JSON Schema", () => {
  for (const vector of loadNodeVectors()) {
    if (vector.error === undefined) continue;
    const parsed = tryParse(textOf(vector));
    if (parsed === undefined) continue;
    assert.equal(validatorOf(vector.from)(parsed), false, `${vector.file}: ${vector.title}`);
  }
});

function tryParse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // no JSON, so no business of a schema's
  }
}
