import { FieldError, isObject } from "./envelope.ts";
import { NODE_LIMITS } from "./limits.ts";

/** Readers of one field. Each returns the value in its type or throws a FieldError that names the field. */

export function readObject(value: unknown, field: string): Record<string, unknown> {
  if (!isObject(value)) throw new FieldError(`${field}: expected an object`);
  return value;
}

export function readArray(value: unknown, field: string, limit: number): readonly unknown[] {
  if (!Array.isArray(value)) throw new FieldError(`${field}: expected an array`);
  if (value.length > limit) throw new FieldError(`${field}: more than ${limit} items`);
  return value;
}

export function readText(value: unknown, field: string, limit: number = NODE_LIMITS.wordLength): string {
  if (typeof value !== "string") throw new FieldError(`${field}: expected a string`);
  if (value.length > limit) throw new FieldError(`${field}: longer than ${limit} characters`);
  return value;
}

export function readInteger(value: unknown, field: string, least: number = Number.MIN_SAFE_INTEGER): number {
  if (typeof value !== "number" || !Number.isSafeInteger(value)) throw new FieldError(`${field}: expected an integer`);
  if (value < least) throw new FieldError(`${field}: less than ${least}`);
  return value;
}

export function readFlag(value: unknown, field: string): boolean {
  if (typeof value !== "boolean") throw new FieldError(`${field}: expected true or false`);
  return value;
}

export function readOneOf<Word extends string>(value: unknown, field: string, words: readonly Word[]): Word {
  for (const word of words) if (word === value) return word;
  throw new FieldError(`${field}: expected one of ${words.join(", ")}`);
}

/** The same reader for a field that may be absent or null. */
export function readOptional<Value>(
  value: unknown,
  field: string,
  read: (value: unknown, field: string) => Value,
): Value | undefined {
  return value === undefined || value === null ? undefined : read(value, field);
}

export function readTexts(value: unknown, field: string, limits: { items: number; length: number }): string[] {
  const texts: string[] = [];
  for (const item of readArray(value, field, limits.items)) texts.push(readText(item, field, limits.length));
  return texts;
}

/** An object of strings. The copy has no prototype games: `__proto__` is refused with all else that is no plain key. */
export function readTextMap(
  value: unknown,
  field: string,
  limits: { items: number; key: number; value: number },
): Record<string, string> {
  const map: Record<string, string> = {};
  const entries = Object.entries(readObject(value, field));
  if (entries.length > limits.items) throw new FieldError(`${field}: more than ${limits.items} entries`);
  for (const [key, content] of entries) {
    if (key === "__proto__" || key.length > limits.key)
      throw new FieldError(`${field}: a key that is too long or reserved`);
    map[key] = readText(content, field, limits.value);
  }
  return map;
}

/** Whether a value is a number that JSON can carry. 1e999 parses to infinity and is none. */
export function isFiniteNumber(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value);
}

/** Drops `readonly`, for objects that are being built. */
export type Building<Type> = { -readonly [Key in keyof Type]: Type[Key] };
