import { z } from "zod";

/** RFC 3339 with `Z`. */
export const instant = z.iso.datetime({ precision: 3 }).meta({ description: "RFC 3339, UTC" });

export const roleSchema = z.enum(["viewer", "operator", "admin"]);
/** What a person or a program may do: viewers look, operators also act, admins also decide who may. */
export type Role = z.infer<typeof roleSchema>;

/** A list's query: at most `limit` items after `cursor`. */
export const pageQuerySchema = z.object({
  limit: z.coerce.number().int().min(1).max(1000).default(100),
  cursor: z.string().max(500).optional(),
});

/** A list's answer. `nextCursor` is null on the last page. */
export function page<Item extends z.ZodType>(item: Item) {
  return z.object({ items: z.array(item), nextCursor: z.string().nullable() });
}

/** What every list answers. */
export interface Page<Item> {
  items: Item[];
  nextCursor: string | null;
}

export const labelsSchema = z.record(z.string().max(63), z.string().max(255));

/** RFC 9457. `code` is from the closed list of errors; `errorId` finds an internal error in the server's log. */
export const problemSchema = z.object({
  type: z.string(),
  title: z.string(),
  status: z.number().int(),
  code: z.string(),
  detail: z.string().optional(),
  errorId: z.string().optional(),
  details: z.record(z.string(), z.unknown()).optional(),
});
export type Problem = z.infer<typeof problemSchema>;

/** A number, or a share of the targets such as "10%". */
export const countOrShareSchema = z.union([
  z.number().int().min(0).max(1_000_000),
  z.string().regex(/^(100|\d{1,2})(\.\d+)?%$/, "expected a number or a share such as 10%"),
]);
