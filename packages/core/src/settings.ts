import { MusterError } from "./errors.ts";
import { formatDuration, parseDuration } from "./time.ts";

/** How a setting's text becomes a value. `parse` throws an Error whose message says what was expected. */
export interface SettingType<Value> {
  /** Shown in --help, e.g. `<port>`; empty for a switch. */
  readonly hint: string;
  parse(text: string): Value;
}

/** One setting: the flag `--a-b` is also the variable `MUSTER_A_B` and the key `a-b` of the file. */
export interface Setting<Value = unknown> {
  readonly type: SettingType<Value>;
  readonly doc: string;
  /** Absent: the setting is `undefined` (or an empty list) until somebody sets it. */
  readonly default?: Value;
  /** Masked wherever the configuration is shown. */
  readonly secret?: boolean;
  /** Hides what is secret in a text that may otherwise be shown, such as the password in a URL. */
  readonly mask?: (text: string) => string;
  /** May be given several times; the value is a list, in the variable separated by spaces. */
  readonly repeatable?: boolean;
}

export type SettingSource = "flag" | "environment" | "file" | "default";

/** A resolved setting with where it came from. */
export interface ResolvedSetting {
  readonly name: string;
  readonly value: unknown;
  readonly source: SettingSource;
  readonly secret: boolean;
}

export interface SettingInputs {
  readonly argv: readonly string[];
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** The parsed configuration file; undefined when there is none. */
  readonly file?: unknown;
}

export interface SettingsResult {
  readonly settings: ReadonlyMap<string, ResolvedSetting>;
  /** Arguments that are no flags, in order. */
  readonly positionals: readonly string[];
  /** Every mistake found, each one line with the setting, the value and what was expected. */
  readonly mistakes: readonly string[];
}

interface RawValue {
  readonly texts: readonly string[];
  readonly source: SettingSource;
}

/** Reads settings from flags, then the environment, then the file, then defaults, and collects all mistakes at once. */
export function resolveSettings(schema: Readonly<Record<string, Setting>>, inputs: SettingInputs): SettingsResult {
  const mistakes: string[] = [];
  const { flags, positionals } = readFlags(schema, inputs.argv, mistakes);
  const file = readFile(schema, inputs.file, mistakes);
  const settings = new Map<string, ResolvedSetting>();
  for (const [name, setting] of Object.entries(schema)) {
    const raw = flags.get(name) ?? readVariable(name, setting, inputs.environment) ?? file.get(name);
    settings.set(name, resolveOne(name, setting, raw, mistakes));
  }
  return { settings, positionals, mistakes };
}

/** Throws one invalid_argument that lists every mistake, each on a line of its own. */
export function assertNoMistakes(result: SettingsResult): void {
  if (result.mistakes.length === 0) return;
  throw new MusterError("invalid_argument", `the configuration has mistakes:\n  ${result.mistakes.join("\n  ")}`, {
    mistakes: result.mistakes,
  });
}

/** The lines of `--help` for a schema. */
export function describeSettings(schema: Readonly<Record<string, Setting>>): string {
  const rows = Object.entries(schema).map(([name, setting]) => {
    const flag = `--${name}${setting.type.hint === "" ? "" : ` ${setting.type.hint}`}`;
    const shown = setting.default === undefined ? "" : ` (default ${formatValue(setting.default)})`;
    return { flag, text: `${setting.doc}${setting.repeatable ? "; repeatable" : ""}${shown}` };
  });
  const width = Math.min(36, Math.max(...rows.map((row) => row.flag.length)));
  return rows.map((row) => `  ${row.flag.padEnd(width)}  ${row.text}`).join("\n");
}

/** The lines that show a resolved configuration: name, value, source; secrets masked. */
export function showSettings(settings: Iterable<ResolvedSetting>): string {
  const rows = [...settings].map((setting) => ({
    name: setting.name,
    value: setting.value === undefined ? "–" : setting.secret ? "********" : formatValue(setting.value),
    source: setting.source,
  }));
  const nameWidth = Math.max(...rows.map((row) => row.name.length));
  const valueWidth = Math.min(60, Math.max(...rows.map((row) => row.value.length)));
  return rows.map((row) => `${row.name.padEnd(nameWidth)}  ${row.value.padEnd(valueWidth)}  ${row.source}`).join("\n");
}

function formatValue(value: unknown): string {
  if (Array.isArray(value)) return value.length === 0 ? "–" : value.map(formatValue).join(" ");
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

function readFlags(schema: Readonly<Record<string, Setting>>, argv: readonly string[], mistakes: string[]) {
  const flags = new Map<string, RawValue>();
  const positionals: string[] = [];
  for (let index = 0; index < argv.length; index++) {
    const argument = argv[index] ?? "";
    if (!argument.startsWith("--")) {
      positionals.push(argument);
      continue;
    }
    const equals = argument.indexOf("=");
    const name = argument.slice(2, equals === -1 ? undefined : equals);
    const setting = Object.hasOwn(schema, name) ? schema[name] : undefined;
    if (!setting) {
      mistakes.push(`--${name}: there is no such flag`);
      continue;
    }
    let text: string;
    if (equals !== -1) text = argument.slice(equals + 1);
    else if (setting.type.hint === "") text = "true";
    else {
      const next = argv[index + 1];
      if (next === undefined || next.startsWith("--")) {
        mistakes.push(`--${name}: a value is missing, expected ${setting.type.hint}`);
        continue;
      }
      text = next;
      index += 1;
    }
    const earlier = flags.get(name);
    if (earlier && !setting.repeatable) mistakes.push(`--${name}: given twice`);
    flags.set(name, { texts: [...(earlier?.texts ?? []), text], source: "flag" });
  }
  return { flags, positionals };
}

function readVariable(name: string, setting: Setting, environment: SettingInputs["environment"]): RawValue | undefined {
  const text = environment[`MUSTER_${name.toUpperCase().replaceAll("-", "_")}`];
  if (text === undefined || text === "") return undefined;
  return {
    texts: setting.repeatable ? text.split(/\s+/).filter((part) => part !== "") : [text],
    source: "environment",
  };
}

function readFile(schema: Readonly<Record<string, Setting>>, file: unknown, mistakes: string[]): Map<string, RawValue> {
  const values = new Map<string, RawValue>();
  if (file === undefined || file === null) return values;
  if (typeof file !== "object" || Array.isArray(file)) {
    mistakes.push("muster.yaml: expected a mapping of settings");
    return values;
  }
  for (const [name, value] of Object.entries(file)) {
    const setting = Object.hasOwn(schema, name) ? schema[name] : undefined;
    if (!setting) mistakes.push(`muster.yaml: ${name}: there is no such setting`);
    else if (Array.isArray(value)) values.set(name, { texts: value.map(String), source: "file" });
    else if (value !== null && typeof value === "object") {
      // door: { node: token } is the same as the list [node=token]
      values.set(name, { texts: Object.entries(value).map(([key, part]) => `${key}=${String(part)}`), source: "file" });
    } else if (value !== null) values.set(name, { texts: [String(value)], source: "file" });
  }
  return values;
}

function resolveOne(name: string, setting: Setting, raw: RawValue | undefined, mistakes: string[]): ResolvedSetting {
  const secret = setting.secret ?? false;
  const fallback: ResolvedSetting = {
    name,
    value: setting.default ?? (setting.repeatable ? [] : undefined),
    source: "default",
    secret,
  };
  if (!raw) return fallback;
  if (raw.texts.length !== 1 && !setting.repeatable) {
    mistakes.push(`${name}: one value is expected, ${raw.texts.length} are given`);
    return fallback;
  }
  const values: unknown[] = [];
  for (const text of raw.texts) {
    try {
      values.push(setting.type.parse(text));
    } catch (error) {
      const shown = secret ? "the value" : JSON.stringify(setting.mask?.(text) ?? text);
      mistakes.push(`${name} (${raw.source}): ${shown}: ${error instanceof Error ? error.message : "is not valid"}`);
    }
  }
  return { name, value: setting.repeatable ? values : values[0], source: raw.source, secret };
}

/** Any text. */
export const text = (hint = "<text>"): SettingType<string> => ({ hint, parse: (value) => value });

/** A switch: `--flag` alone means true. */
export const flag: SettingType<boolean> = {
  hint: "",
  parse(value) {
    if (["true", "1", "yes", "on"].includes(value)) return true;
    if (["false", "0", "no", "off"].includes(value)) return false;
    throw new Error("expected true or false");
  },
};

/** An integer within bounds. */
export const integer = (min: number, max: number, hint = "<number>"): SettingType<number> => ({
  hint,
  parse(value) {
    const number = Number(value);
    if (!/^-?\d+$/.test(value) || number < min || number > max) throw new Error(`expected an integer ${min}..${max}`);
    return number;
  },
});

/** A duration like "30s", in milliseconds. */
export const duration = (minMs: number, maxMs: number): SettingType<number> => ({
  hint: "<duration>",
  parse(value) {
    const parsed = parseDuration(value);
    if (parsed === undefined || parsed < minMs || parsed > maxMs) {
      throw new Error(`expected a duration ${formatDuration(minMs)}..${formatDuration(maxMs)} such as 30s`);
    }
    return parsed;
  },
});

/** One of a closed list. */
export const oneOf = <const Value extends string>(...values: readonly Value[]): SettingType<Value> => ({
  hint: `<${values.join("|")}>`,
  parse(value) {
    const found = values.find((candidate) => candidate === value);
    if (found === undefined) throw new Error(`expected one of ${values.join(", ")}`);
    return found;
  },
});

/** An absolute URL with one of the given schemes. */
export const url = (...schemes: readonly string[]): SettingType<string> => ({
  hint: "<url>",
  parse(value) {
    const parsed = URL.canParse(value) ? new URL(value) : undefined;
    if (!parsed || !schemes.includes(parsed.protocol.slice(0, -1))) {
      throw new Error(`expected a URL that starts with ${schemes.map((scheme) => `${scheme}://`).join(" or ")}`);
    }
    return value;
  },
});

/** `key=value`, split at the first equals sign. */
export const pair = (hint: string): SettingType<readonly [string, string]> => ({
  hint,
  parse(value) {
    const equals = value.indexOf("=");
    if (equals < 1) throw new Error(`expected ${hint}`);
    return [value.slice(0, equals), value.slice(equals + 1)];
  },
});
