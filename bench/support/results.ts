import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Report, Table } from "./suite.ts";

const RESULTS = fileURLToPath(new URL("../RESULTS.md", import.meta.url));

const HEADER = `# Benchmark results

Written by \`npm run bench\`: each section says when, where and with which command it was measured. Numbers of one machine
say little about another; the ratios to the yardstick of the same run say more. This machine is shared, so read differences
below a fifth as noise.
`;

export interface Section {
  readonly name: string;
  readonly title: string;
  readonly report: Report;
  /** When, where, how. */
  readonly origin: string;
}

/** Replaces one suite's section and leaves the others as they are. */
export function writeSection(section: Section): void {
  const text = existsSync(RESULTS) ? readFileSync(RESULTS, "utf8") : HEADER;
  const [begin, end] = [`<!-- ${section.name} -->`, `<!-- /${section.name} -->`];
  const block = `${begin}\n${renderSection(section)}\n${end}`;
  const from = text.indexOf(begin);
  const to = text.indexOf(end);
  const written =
    from === -1 || to === -1 ? `${text}\n${block}\n` : text.slice(0, from) + block + text.slice(to + end.length);
  writeFileSync(RESULTS, written);
}

/** A table for a terminal. */
export function renderPlain(table: Table): string {
  const rows = [table.columns, ...table.rows];
  const widths = table.columns.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const lines = rows.map((row) =>
    row
      .map((cell, column) => pad(cell, widths[column] ?? 0, column))
      .join("  ")
      .trimEnd(),
  );
  return [table.title, "-".repeat(table.title.length), ...lines].join("\n");
}

function pad(cell: string, width: number, column: number): string {
  return column === 0 ? cell.padEnd(width) : cell.padStart(width);
}

function renderSection({ title, report, origin }: Section): string {
  const tables = report.tables.map((table) => {
    const head = `| ${table.columns.join(" | ")} |\n|${table.columns.map((_, column) => (column === 0 ? "---" : "---:")).join("|")}|`;
    return `**${table.title}**\n\n${head}\n${table.rows.map((row) => `| ${row.join(" | ")} |`).join("\n")}`;
  });
  const notes = [...report.notes, origin].map((note) => `- ${note}`).join("\n");
  return `## ${title}\n\n${tables.join("\n\n")}\n\n${notes}\n`;
}
