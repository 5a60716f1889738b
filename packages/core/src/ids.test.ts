import assert from "node:assert/strict";
import { test } from "node:test";
import { isUuid, newId, newMessageId } from "./ids.ts";

test("ids made by one process sort by the order in which they were made, also within a millisecond", () => {
  const ids = Array.from({ length: 5000 }, (_, index) => newId<string>(1_750_000_000_000 + Math.floor(index / 4500)));
  assert.deepEqual(ids.toSorted(), ids);
  assert.ok(ids.every(isUuid));
  assert.equal(new Set(ids).size, ids.length);
});

test("a message id is a UUIDv4, also where a browser withholds crypto.randomUUID", (t) => {
  const v4 = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
  assert.match(newMessageId(), v4);
  const original = Object.getOwnPropertyDescriptor(globalThis, "crypto");
  const { crypto } = globalThis;
  const getRandomValues = <Values extends Uint8Array<ArrayBuffer>>(values: Values) => crypto.getRandomValues(values);
  Object.defineProperty(globalThis, "crypto", { value: { getRandomValues }, configurable: true });
  t.after(() => {
    if (original) Object.defineProperty(globalThis, "crypto", original);
  });
  const ids = Array.from({ length: 100 }, newMessageId);
  for (const id of ids) assert.match(id, v4);
  assert.equal(new Set(ids).size, 100);
});
