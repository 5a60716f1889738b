import type { CollectorKind } from "../../collector.ts";

/** Lets a kind be written with the type of its own options, and be a row of the table of all kinds. */
export function defineKind<Options>(kind: CollectorKind<Options>): CollectorKind {
  return kind;
}
