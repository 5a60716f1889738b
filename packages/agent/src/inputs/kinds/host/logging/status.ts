/** Levels as programs write them → the statuses that logs are kept under. */
const STATUSES: Readonly<Record<string, string>> = {
  emerg: "emerg",
  emergency: "emerg",
  panic: "emerg",
  alert: "alert",
  fatal: "critical",
  critical: "critical",
  crit: "critical",
  severe: "error",
  error: "error",
  err: "error",
  warning: "warning",
  warn: "warning",
  notice: "notice",
  info: "info",
  information: "info",
  debug: "debug",
  trace: "debug",
  verbose: "debug",
  ok: "OK",
  success: "OK",
};

/** Levels stand near the start of a line. */
const LOOKED_AT = 300;

const NAMES = Object.keys(STATUSES).join("|");
/** `level=warn`, `"severity": "ERROR"`. */
const KEYED = new RegExp(`\\b(?:level|lvl|severity|status|loglevel)"?\\s*[=:]\\s*"?(${NAMES})\\b`, "i");
/** `[error]`, `<Warning>`, `(info)`. */
const BRACKETED = new RegExp(`[[<(](${NAMES})[\\]>):]`, "i");
/** A word in capitals. Lower-case ones are prose as often as not. */
const CAPITALS = new RegExp(`\\b(${NAMES.toUpperCase()})\\b`);

/** The status that a log line tells; undefined when it tells none. */
export function findStatus(text: string): string | undefined {
  const head = text.length > LOOKED_AT ? text.slice(0, LOOKED_AT) : text;
  const level = (KEYED.exec(head) ?? BRACKETED.exec(head) ?? CAPITALS.exec(head))?.[1];
  return level === undefined ? undefined : STATUSES[level.toLowerCase()];
}
