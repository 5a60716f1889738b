import { sanitizeLine } from "./sanitize.ts";
import { displayWidth, pad, truncate } from "./width.ts";

/** One column of a table. `paint` colours a cell after it was measured. */
export interface Column<Row> {
  readonly title: string;
  readonly value: (row: Row) => string;
  readonly align?: "left" | "right";
  /** May be shortened to fit the terminal; the others keep their width. */
  readonly flexible?: boolean;
  readonly paint?: (text: string, row: Row) => string;
}

const GAP = "  ";
const MIN_FLEXIBLE = 8;

/** The lines of a table, headings first. `width` undefined: nothing is shortened, for pipes and files. */
export function renderTable<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  width: number | undefined,
): string[] {
  const cells = rows.map((row) => columns.map((column) => sanitizeLine(column.value(row))));
  const widths = columns.map((column, index) =>
    Math.max(displayWidth(column.title), ...cells.map((line) => displayWidth(line[index] ?? ""))),
  );
  if (width !== undefined) shrink(columns, widths, width);
  const layOut = (texts: readonly string[], row?: Row) =>
    columns
      .map((column, index) => {
        const columnWidth = widths[index] ?? 0;
        const text = pad(truncate(texts[index] ?? "", columnWidth), columnWidth, column.align);
        return row !== undefined && column.paint ? column.paint(text, row) : text;
      })
      .join(GAP)
      .trimEnd();
  return [layOut(columns.map((column) => column.title)), ...cells.map((line, index) => layOut(line, rows[index]))];
}

/** Lines of `name  value`, for one thing shown in full. */
export function renderFacts(facts: readonly (readonly [name: string, value: string | null])[]): string[] {
  const width = Math.max(...facts.map(([name]) => displayWidth(name)));
  return facts.map(([name, value]) => `${pad(name, width)}${GAP}${value === null ? "–" : sanitizeLine(value)}`);
}

/** Takes columns from the widest flexible column until the table fits. */
function shrink(columns: readonly Column<never>[] | readonly Column<unknown>[], widths: number[], width: number): void {
  const total = () => widths.reduce((sum, part) => sum + part, 0) + GAP.length * (widths.length - 1);
  while (total() > width) {
    let widest = -1;
    columns.forEach((column, index) => {
      if (column.flexible && (widths[index] ?? 0) > Math.max(MIN_FLEXIBLE, widths[widest] ?? 0)) widest = index;
    });
    if (widest === -1) return;
    widths[widest] = (widths[widest] ?? 0) - 1;
  }
}
