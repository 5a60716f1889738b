import type { Codec } from "./codec.ts";
import type { Field, FieldKind, Fields } from "./fields.ts";

/** Whole numbers from 0 up to below `limit`, the same ones for the same seed. */
export function seededRandom(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 0x1_0000_0000) * limit);
  };
}

type Random = (limit: number) => number;

const TEXTS = ["", "a", "config-1", "ünï", "日本語", "🙂", "\0\n/@..", "é".repeat(21), "x".repeat(41), "y".repeat(300)];
const WHOLE = [0, 1, 127, 128, 300, 2 ** 31 - 1, 2 ** 31, 2 ** 32, 2 ** 40 + 5, Number.MAX_SAFE_INTEGER];

/** Any message that a codec can write, with every field of its type. */
export function randomMessage(codec: Codec, random: Random): Record<string, unknown> {
  return randomFields(codec.table, random);
}

function randomFields(table: Fields, random: Random): Record<string, unknown> {
  return Object.fromEntries(Object.entries(table).map(([name, field]) => [name, randomField(field, random)]));
}

function randomField({ kind, shape, inner }: Field<unknown>, random: Random): unknown {
  const value = () => (inner ? randomFields(inner, random) : randomScalar(kind, random));
  const times = () => Array.from({ length: random(4) });
  if (shape === "list") return times().map(value);
  if (shape === "map") return new Map(times().map(() => [pick(TEXTS, random), value()]));
  return kind === "message" && random(3) === 0 ? undefined : value();
}

function randomScalar(kind: FieldKind, random: Random): unknown {
  if (kind === "string") return pick(TEXTS, random);
  if (kind === "bytes") return Uint8Array.from({ length: random(200) }, () => random(256));
  if (kind === "float") return Math.fround(random(1000) / 7);
  if (kind === "int32") return pick([0, 1, 3, 10, 2 ** 31 - 1, -1, -(2 ** 31)], random);
  const whole = pick(WHOLE, random);
  return kind === "int64" && random(2) === 0 ? 0 - whole : whole;
}

function pick<Item>(items: readonly Item[], random: Random): Item {
  return items[random(items.length)] as Item;
}
