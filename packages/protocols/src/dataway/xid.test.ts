import assert from "node:assert/strict";
import { test } from "node:test";
import {
  createXidSource,
  decodeXid,
  encodeXid,
  isInputId,
  isLenientInputId,
  isXid,
  makeInputId,
  makeXid,
  readXid,
} from "./index.ts";

const KNOWN = "9m4e2mr0ui3e8a215n4g";
const KNOWN_BYTES = Buffer.from("4d88e15b60f486e428412dc9", "hex");
const KNOWN_PARTS = { seconds: 1300816219, machine: 0x60f486, pid: 58408, counter: 4271561 };

test("the published vectors are written and read", () => {
  assert.equal(encodeXid(KNOWN_BYTES), KNOWN);
  assert.deepEqual(decodeXid(KNOWN), new Uint8Array(KNOWN_BYTES));
  assert.deepEqual(readXid(KNOWN), KNOWN_PARTS);
  const timeOf = (text: string) => new Date((readXid(text)?.seconds ?? 0) * 1000).toISOString();
  assert.equal(timeOf("bt6um9bksvvesmk79370"), "2020-09-01T06:33:09.000Z");
  assert.equal(timeOf("btk0mm18d3b2j62nh4o0"), "2020-09-21T02:09:28.000Z");
});

test("every bit survives both ways", () => {
  for (let bit = 0; bit < 96; bit++) {
    const bytes = new Uint8Array(12);
    bytes[bit >> 3] = 0x80 >> (bit & 7);
    const text = encodeXid(bytes);
    assert.ok(isXid(text), text);
    assert.deepEqual(decodeXid(text), bytes);
  }
  assert.equal(encodeXid(new Uint8Array(12).fill(255)), "vvvvvvvvvvvvvvvvvvvg");
  assert.throws(() => encodeXid(new Uint8Array(11)), RangeError);
});

test("a source counts up, also over its end, and puts the second first", () => {
  const { seconds, ...origin } = KNOWN_PARTS;
  const make = createXidSource({ ...origin, counter: origin.counter - 1 });
  assert.equal(make(seconds * 1000 + 999), KNOWN);
  const last = createXidSource({ ...origin, counter: 0xffffff });
  assert.equal(readXid(last(0))?.counter, 0);
  assert.deepEqual(readXid(last(4_294_967_295_000)), { ...origin, seconds: 4_294_967_295, counter: 1 });
  assert.ok(make(1_000_000) < make(2_000_000), "they sort by their second");
});

test("ids of this process differ and carry their prefix", () => {
  const now = Date.UTC(2026, 0, 1);
  const ids = new Set(Array.from({ length: 10_000 }, () => makeInputId(now)));
  assert.equal(ids.size, 10_000);
  for (const id of ids) assert.ok(isInputId(id), id);
  const parts = readXid(makeXid("", now));
  assert.equal(parts?.seconds, now / 1000);
  assert.equal(readXid(makeXid("wmsg_", now).slice(5))?.machine, parts?.machine);
});

test("only what is written as an input-id passes for one", () => {
  const good = `dkinput_${KNOWN}`;
  assert.ok(isInputId(good));
  const lenient = `${good.slice(0, -1)}5`;
  assert.deepEqual([isInputId(lenient), isLenientInputId(lenient)], [false, true]);
  const bad = [
    "",
    "cpu",
    KNOWN,
    good.toUpperCase(),
    `../${good}`,
    `${good}\n`,
    `${good}0`,
    good.slice(0, -1),
    `${good}/..`,
  ];
  bad.push("dkinput_wwwwwwwwwwwwwwwwwwww", ` ${good}`, `dkid_${KNOWN}`);
  for (const text of bad) assert.deepEqual([isInputId(text), isLenientInputId(text)], [false, false], text);
  for (const text of ["", "z".repeat(20), KNOWN.slice(1), `${KNOWN}0`]) assert.equal(decodeXid(text), undefined);
});
