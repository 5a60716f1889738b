import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeCoreFrame, decodeNodeFrame, encodeCoreFrame, encodeNodeFrame } from "./index.ts";
import { loadNodeVectors, textOf } from "./test-vectors.ts";

const ROUNDS = 20_000;

/** A small deterministic generator (mulberry32), so that a failure can be repeated. */
function makeRandom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

const ODD_VALUES = [null, true, -1, 0.5, 1e308, 2 ** 60, "", "x", [], {}, [[]], { a: 1 }, "\u0000", "\ud800"];

/** Replaces, removes or repeats one value somewhere in a parsed message. */
function mutateValue(value: unknown, random: (below: number) => number): unknown {
  if (typeof value !== "object" || value === null || random(6) === 0) return ODD_VALUES[random(ODD_VALUES.length)];
  if (Array.isArray(value)) {
    if (value.length === 0) return [ODD_VALUES[random(ODD_VALUES.length)]];
    const index = random(value.length);
    return value.map((item, at) => (at === index ? mutateValue(item, random) : item));
  }
  const keys = Object.keys(value);
  const key = keys[random(Math.max(1, keys.length))];
  if (key === undefined) return null;
  const { [key]: old, ...rest } = value as Record<string, unknown>;
  if (random(5) === 0) return rest;
  return { ...rest, [random(8) === 0 ? "__proto__x" : key]: mutateValue(old, random) };
}

/** Deletes, repeats or overwrites a stretch of characters. */
function mutateText(text: string, random: (below: number) => number): string {
  const at = random(text.length + 1);
  const length = random(8);
  const alphabet = '{}[]",:\\0e-\u0000é';
  switch (random(3)) {
    case 0:
      return text.slice(0, at) + text.slice(at + length);
    case 1:
      return text.slice(0, at) + text.slice(Math.max(0, at - length));
    default:
      return text.slice(0, at) + alphabet[random(alphabet.length)] + text.slice(at + 1);
  }
}

/** Texts are compared, not objects: JSON has neither -0 nor infinities, which parsing can give. */
function checkOne(text: string): void {
  const fromNode = decodeNodeFrame(text);
  if (fromNode.frame) {
    const encoded = encodeNodeFrame(fromNode.frame);
    const again = decodeNodeFrame(encoded).frame;
    assert.equal(again && encodeNodeFrame(again), encoded);
  } else assert.equal(typeof fromNode.error, "string");
  const fromCore = decodeCoreFrame(text);
  if (fromCore.frame) {
    const encoded = encodeCoreFrame(fromCore.frame);
    const again = decodeCoreFrame(encoded).frame;
    assert.equal(again && encodeCoreFrame(again), encoded);
  } else assert.equal(typeof fromCore.error, "string");
}

test("whatever comes, the decoders answer a frame that encodes to itself or an error, and throw nothing", () => {
  const random = makeRandom(20251124);
  const texts = loadNodeVectors().map(textOf);
  for (let round = 0; round < ROUNDS; round++) {
    let text = texts[random(texts.length)] ?? "";
    if (random(2) === 0) {
      for (let times = random(3); times >= 0; times--) text = mutateText(text, random);
    } else {
      const parsed = tryParse(text);
      if (parsed !== undefined) text = JSON.stringify(mutateValue(parsed, random)) ?? "";
    }
    try {
      checkOne(text);
    } catch (error) {
      throw new Error(`round ${round}: ${text}`, { cause: error });
    }
  }
});

function tryParse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
