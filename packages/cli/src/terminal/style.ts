/** Colours of the terminal's own palette, so that its theme decides. All of them are plain text when colours are off. */
export interface Style {
  readonly enabled: boolean;
  bold(text: string): string;
  dim(text: string): string;
  red(text: string): string;
  green(text: string): string;
  yellow(text: string): string;
  cyan(text: string): string;
  /** The same name has the same colour in every run of the program. */
  named(name: string, text: string): string;
}

/** Readable on black and on white, and apart from the red and green that mean failure and success. */
const NAME_COLOURS = [33, 34, 35, 36, 93, 94, 95, 96] as const;

export function createStyle(enabled: boolean): Style {
  const paint = (code: number) => (text: string) => (enabled && text !== "" ? `\x1b[${code}m${text}\x1b[0m` : text);
  return {
    enabled,
    bold: paint(1),
    dim: paint(2),
    red: paint(31),
    green: paint(32),
    yellow: paint(33),
    cyan: paint(36),
    named: (name, text) => paint(NAME_COLOURS[hashName(name) % NAME_COLOURS.length] ?? 36)(text),
  };
}

/** What decides about colours: https://no-color.org, then FORCE_COLOR, then whether somebody looks. */
export function wantsColours(environment: Readonly<Record<string, string | undefined>>, isTerminal: boolean): boolean {
  if ((environment.NO_COLOR ?? "") !== "") return false;
  const forced = environment.FORCE_COLOR;
  if (forced !== undefined && forced !== "") return forced !== "0";
  return isTerminal && environment.TERM !== "dumb";
}

/** FNV-1a, 32 bits. */
function hashName(name: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < name.length; index++) {
    hash = Math.imul(hash ^ name.charCodeAt(index), 0x01000193) >>> 0;
  }
  return hash;
}
