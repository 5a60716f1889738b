import { hash } from "node:crypto";
import { MusterError } from "@muster/core";
import type { Page } from "@muster/core/resources";

/**
 * How secrets of 128 and more random bits are kept and looked up. A fast hash is enough for them, and looking up a
 * hash tells an attacker who measures time nothing about the secret.
 */
export function hashSecret(secret: string): string {
  return hash("sha256", secret, "hex");
}

/** Enough of a secret to recognise it by, and too little to guess the rest. */
export function hintOf(secret: string): string {
  return secret.slice(0, Math.min(8, Math.floor(secret.length / 3)));
}

/** 256 random bits for a cookie. */
export function newSessionSecret(): string {
  return Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString("base64url");
}

/** Cuts a list that was read one row longer than the page: the cursor is the id of the last row shown. */
export function toPage<Row extends { id: string }, Item>(
  rows: readonly Row[],
  limit: number,
  show: (row: Row) => Item,
): Page<Item> {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  return { items: shown.map(show), nextCursor: rows.length > limit && last ? last.id : null };
}

/** Refuses an expiry that has passed already; null and undefined mean that it never ends. */
export function readExpiry(text: string | null | undefined, now: number): number | null {
  if (text === null || text === undefined) return null;
  const at = Date.parse(text);
  if (!(at > now)) throw new MusterError("invalid_argument", "the expiry lies in the past", { field: "expiresAt" });
  return at;
}
