import { type Clock, toIso } from "@muster/core";

export const LOG_LEVELS = ["debug", "info", "warn", "error"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** What varies in a log line. Names are camelCase words of the glossary. */
export type LogFields = Readonly<Record<string, unknown>>;

/** Writes JSON lines: the event's text is constant and in the past tense, everything variable is a field. */
export interface Logger {
  debug(event: string, fields?: LogFields): void;
  info(event: string, fields?: LogFields): void;
  warn(event: string, fields?: LogFields): void;
  error(event: string, fields?: LogFields): void;
}

export interface LoggerOptions {
  readonly level: LogLevel;
  readonly clock: Clock;
  readonly write: (line: string) => void;
  /** Texts that must never appear in a line, wherever they come from (a URL in an error message, for one). */
  readonly secrets?: readonly string[];
}

const REFUSED_FIELDS = new Set(["token", "credential", "password", "authorization", "body", "output"]);
const MAX_LINE = 8192;

/** A logger small enough for an agent; it never throws. */
export function createLogger(options: LoggerOptions): Logger {
  const threshold = LOG_LEVELS.indexOf(options.level);
  const secrets = (options.secrets ?? []).filter((secret) => secret.length >= 4);
  const log = (level: LogLevel) => {
    if (LOG_LEVELS.indexOf(level) < threshold) return () => {};
    return (event: string, fields: LogFields = {}) => {
      options.write(`${maskSecrets(formatLine(options.clock, { level, event, fields }), secrets)}\n`);
    };
  };
  return { debug: log("debug"), info: log("info"), warn: log("warn"), error: log("error") };
}

/** The text of anything thrown, for a log field. */
export function errorText(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // happy-eyeballs failures carry an empty message and the real reasons inside
  if (error instanceof AggregateError && error.message === "") return error.errors.map(errorText).join("; ");
  const cause = error.cause instanceof Error ? `: ${error.cause.message}` : "";
  return `${error.message}${cause}`;
}

function formatLine(clock: Clock, line: { level: LogLevel; event: string; fields: LogFields }): string {
  const record: Record<string, unknown> = { at: toIso(clock.now()), level: line.level, event: line.event };
  for (const [name, value] of Object.entries(line.fields)) {
    if (value === undefined || Object.hasOwn(record, name)) continue;
    record[name] = REFUSED_FIELDS.has(name.toLowerCase())
      ? "********"
      : value instanceof Error
        ? errorText(value)
        : value;
  }
  let text: string;
  try {
    text = JSON.stringify(record);
  } catch {
    text = JSON.stringify({ at: record.at, level: line.level, event: line.event, unprintable: true });
  }
  return text.length > MAX_LINE ? `${text.slice(0, MAX_LINE)}…` : text;
}

function maskSecrets(line: string, secrets: readonly string[]): string {
  let masked = line;
  for (const secret of secrets) masked = masked.replaceAll(secret, "********");
  return masked;
}
