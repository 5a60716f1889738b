import { createHash, type Hash } from "node:crypto";

/** A row as either driver reads it. */
export type CopiedRow = Readonly<Record<string, null | number | string | Uint8Array>>;

/** The primary key of a row. */
export type Key = readonly (number | string)[];

/** Some rows in the order of their key, and the key of the last of them. */
export interface Piece {
  readonly rows: readonly CopiedRow[];
  readonly last: Key;
}

/** A value as PostgreSQL holds it: whole numbers only, and no text with U+0000 in it. */
export function toPostgres(value: CopiedRow[string]): CopiedRow[string] {
  if (typeof value === "number") return Number.isInteger(value) ? value : Math.round(value);
  return typeof value === "string" ? value.replaceAll("\0", "\ufffd") : value;
}

/** Roughly what a row takes in memory. */
export function sizeOf(row: CopiedRow): number {
  let bytes = 0;
  for (const value of Object.values(row))
    bytes += typeof value === "string" ? value.length * 2 : value instanceof Uint8Array ? value.byteLength : 8;
  return bytes;
}

/** Sums up rows, in their order, so that two databases with the same rows give the same sum. */
export class RowSum {
  readonly #columns: readonly string[];
  readonly #hash: Hash = createHash("sha256");
  #count = 0;

  constructor(columns: readonly string[]) {
    this.#columns = columns;
  }

  get count(): number {
    return this.#count;
  }

  add(rows: readonly CopiedRow[]): void {
    for (const row of rows) this.#hash.update(`${JSON.stringify(this.#columns.map((name) => canonical(row[name])))}\n`);
    this.#count += rows.length;
  }

  digest(): string {
    return this.#hash.digest("hex");
  }
}

function canonical(value: CopiedRow[string] | undefined): unknown {
  if (value instanceof Uint8Array) return { bytes: Buffer.from(value).toString("base64") };
  return toPostgres(value ?? null);
}
