/** pino's numbers, from which on a line is worth a person's attention. */
const LEVELS: readonly (readonly [from: number, word: string])[] = [
  [60, "fatal"],
  [50, "error"],
  [40, "warning"],
];

/** What the first words of `muster up` say already. */
const SAID_ALREADY = ["local_only"];

/** One line of the server's JSON log for a person at a terminal; undefined when it says nothing new. */
export function readableLine(json: string): string | undefined {
  let entry: Record<string, unknown>;
  try {
    entry = JSON.parse(json) as Record<string, unknown>;
  } catch {
    return json;
  }
  if (SAID_ALREADY.includes(String(entry.code))) return undefined;
  const level = LEVELS.find(([from]) => Number(entry.level) >= from)?.[1];
  const cause = entry.err as { message?: unknown } | undefined;
  const words = [level, entry.msg, cause?.message].filter((part) => typeof part === "string");
  return `muster up: ${words.join(": ")}\n`;
}

/** Where a server's log goes when somebody looks at it; programs and files get the JSON. */
export function createReadableLog(write: (text: string) => void): { write(json: string): void } {
  return {
    write(json) {
      const line = readableLine(json);
      if (line !== undefined) write(line);
    },
  };
}
