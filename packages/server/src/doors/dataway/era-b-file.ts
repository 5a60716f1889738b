/**
 * A DataKit of era B keeps one file per collector and knows no ids. Ours ride in the file as comments: each of our
 * configurations is a section behind a line that names its id, so that several of one collector share the file and a
 * restart of anybody forgets nothing.
 */
export interface FileSection {
  /** Null for what stood there before us. */
  readonly id: string | null;
  readonly enabled: boolean;
  readonly toml: string;
}

const MARK = /^# muster-input (\S{1,200})( disabled)?$/;
/** In front of each line of a section that is disabled while others of its file are not. */
const OFF = "#- ";

/** The sections of a file; those of a file that the DataKit itself has disabled, by a `#` before each line, are disabled. */
export function readSections(text: string): FileSection[] {
  const isOff =
    hasOnlyComments(text) && text.split("\n").some((line) => line.startsWith("#") && MARK.test(line.slice(1)));
  const lines = text.split("\n").map((line) => (isOff && line.startsWith("#") ? line.slice(1) : line));
  const sections: FileSection[] = [];
  let current: { id: string | null; enabled: boolean; lines: string[] } = { id: null, enabled: true, lines: [] };
  const end = () => {
    const toml = current.lines.join("\n");
    if (current.id !== null || toml.trim() !== "")
      sections.push({ id: current.id, enabled: current.enabled && !isOff, toml });
  };
  for (const line of lines) {
    const mark = MARK.exec(line);
    if (mark) {
      end();
      current = { id: mark[1] ?? null, enabled: mark[2] === undefined, lines: [] };
    } else current.lines.push(current.enabled || !line.startsWith(OFF) ? line : line.slice(OFF.length));
  }
  end();
  return sections;
}

/** The file with these sections; `readSections` of it answers them again. */
export function writeSections(sections: readonly FileSection[]): string {
  return sections.map(writeSection).join("\n");
}

function writeSection({ id, enabled, toml }: FileSection): string {
  if (id === null) return toml;
  if (enabled) return `# muster-input ${id}\n${toml}`;
  const lines = toml.split("\n").map((line) => (line === "" ? line : OFF + line));
  return `# muster-input ${id} disabled\n${lines.join("\n")}`;
}

/** True when nothing in it would collect. */
export function hasOnlyComments(text: string): boolean {
  return text.split("\n").every((line) => line.trim() === "" || line.trim().startsWith("#"));
}
