import assert from "node:assert/strict";
import { test } from "node:test";
import { type DescField, type DescMessage, fromBinary, ScalarType, toBinary } from "@bufbuild/protobuf";
import type { Generation } from "./actions.ts";
import type { Codec } from "./codec.ts";
import type { Field, Fields } from "./fields.ts";
import { G0_MESSAGES } from "./g0.ts";
import { G1_MESSAGES } from "./g1.ts";
import { G2_MESSAGES } from "./g2.ts";
import { loadProto } from "./proto-for-test.ts";
import { randomMessage, seededRandom } from "./random-for-test.ts";

const GENERATIONS: readonly (readonly [Generation, Readonly<Record<string, Codec>>])[] = [
  ["g0", G0_MESSAGES],
  ["g1", G1_MESSAGES],
  ["g2", G2_MESSAGES],
];

for (const [generation, messages] of GENERATIONS) {
  const find = loadProto(generation);

  test(`${generation}: the tables are those of the .proto file, field for field`, () => {
    for (const [name, codec] of Object.entries(messages)) assertSameFields(find(name), codec.table);
  });

  test(`${generation}: any message is read alike by a library, and what that writes is read alike here`, () => {
    const random = seededRandom(5);
    for (const [name, codec] of Object.entries(messages)) {
      const schema = find(name);
      for (let round = 0; round < 40; round++) {
        const message = randomMessage(codec, random);
        const ours = codec.encode(message);
        assert.deepEqual(codec.decode(ours), { ok: true, message }, name);
        const theirs = toBinary(schema, fromBinary(schema, ours));
        assert.equal(theirs.length, ours.length, name);
        assert.deepEqual(codec.decode(theirs), { ok: true, message }, name);
      }
    }
  });
}

function assertSameFields(schema: DescMessage, table: Fields): void {
  const written = schema.fields.map((field) => [field.localName, field.number, describe(field)]);
  const ours = Object.entries(table).map(([name, field]) => [name, field.number, describeOurs(field)]);
  assert.deepEqual(ours, written, schema.name);
  for (const field of schema.fields) {
    const inner = table[field.localName]?.inner;
    if (field.message && inner) assertSameFields(field.message, inner);
  }
}

function describe(field: DescField): string {
  if (field.fieldKind === "map") return `map of ${ScalarType[field.scalar ?? 0]}`;
  const kind = field.fieldKind === "list" ? field.listKind : field.fieldKind;
  const type = kind === "scalar" ? ScalarType[field.scalar ?? 0] : kind === "enum" ? "INT32" : "MESSAGE";
  return field.fieldKind === "list" ? `list of ${type}` : `one ${type}`;
}

function describeOurs({ kind, shape }: Field<unknown>): string {
  const type = kind === "bits" ? "UINT64" : kind.toUpperCase();
  return shape === "one" ? `one ${type}` : `${shape} of ${type}`;
}
