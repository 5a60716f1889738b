import type { OutputLine } from "./output-lines.ts";

/** Indexes of the lines that contain `wanted`, ignoring case; nothing for an empty text. */
export function findLines(lines: readonly OutputLine[], wanted: string): number[] {
  if (wanted === "") return [];
  const lower = wanted.toLowerCase();
  const found: number[] = [];
  for (const [index, line] of lines.entries()) if (line.text.toLowerCase().includes(lower)) found.push(index);
  return found;
}

/** The hit after (or before) the given line, around the end. */
export function nextHit(hits: readonly number[], current: number | undefined, direction: 1 | -1): number | undefined {
  if (hits.length === 0) return undefined;
  if (current === undefined) return direction === 1 ? hits[0] : hits.at(-1);
  const beyond = direction === 1 ? hits.find((hit) => hit > current) : hits.findLast((hit) => hit < current);
  return beyond ?? (direction === 1 ? hits[0] : hits.at(-1));
}

/** Lines as a file: what was written, without styles. */
export function toPlainText(lines: readonly OutputLine[], nameOf?: (runId: string) => string | undefined): string {
  const parts = lines.map((line) => {
    const prefix = nameOf ? `${nameOf(line.runId) ?? line.runId}: ` : "";
    return `${prefix}${line.cutBytes === undefined ? line.text : `[${line.cutBytes} bytes left out]`}\n`;
  });
  return parts.join("");
}
