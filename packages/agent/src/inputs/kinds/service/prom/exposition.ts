/** What a text of metrics may hold; beyond a limit a line is refused, or the text. */
export const EXPOSITION_LIMITS = {
  /** Characters. */
  line: 64 * 1024,
  name: 512,
  labels: 128,
  labelValue: 4096,
  /** Names of metrics whose type is kept. */
  families: 50_000,
  /** Lines that are told of. */
  problems: 5,
} as const;

export type MetricType = "counter" | "gauge" | "histogram" | "summary" | "untyped" | "info" | "stateset";

/** One line of an exposition. */
export interface Sample {
  /** As it stands there: with `_total`, `_bucket`, `_sum`… */
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
  readonly timeNs: bigint | undefined;
  /** Of its family; `untyped` when the text says nothing. */
  readonly type: MetricType;
}

export interface ExpositionProblem {
  /** From 1. */
  readonly line: number;
  readonly message: string;
}

export interface ExpositionEnd {
  readonly samples: number;
  readonly problems: readonly ExpositionProblem[];
  readonly problemCount: number;
  /** OpenMetrics ends with a line that says so: without it the text was cut. */
  readonly isWhole: boolean;
  /** There were more samples than allowed; the rest was not read. */
  readonly isOverfull: boolean;
}

export interface ExpositionOptions {
  readonly isOpenMetrics: boolean;
  readonly maxSamples: number;
}

const TYPES: Readonly<Record<string, MetricType>> = {
  counter: "counter",
  gauge: "gauge",
  histogram: "histogram",
  gaugehistogram: "histogram",
  summary: "summary",
  untyped: "untyped",
  unknown: "untyped",
  info: "info",
  stateset: "stateset",
};

/** Ends of sample names that belong to the family without them. */
const SUFFIX = /_(total|created|bucket|sum|count|gsum|gcount|info)$/;

/** Lines that are read before others get a turn: some milliseconds. */
const LINES_A_TURN = 1000;

/**
 * Reads Prometheus' text format 0.0.4 or OpenMetrics 1.0 line by line. A line that cannot be read is told of and left out:
 * one bad line of an exporter does not cost the others. Never throws; `take` gets each sample as it comes. Yields now and
 * then, so that a long text does not hold up everything else.
 */
export function* readExposition(
  text: string,
  options: ExpositionOptions,
  take: (sample: Sample) => void,
): Generator<void, ExpositionEnd> {
  const types = new Map<string, MetricType>();
  const problems: ExpositionProblem[] = [];
  let problemCount = 0;
  let samples = 0;
  let isEnded = false;
  let line = 0;
  const end = (isOverfull: boolean): ExpositionEnd => ({
    samples,
    problems,
    problemCount,
    isWhole: isEnded || isOverfull || !options.isOpenMetrics,
    isOverfull,
  });
  for (let start = 0; start < text.length && !isEnded; ) {
    const newline = text.indexOf("\n", start);
    const stop = newline < 0 ? text.length : newline;
    line += 1;
    if (line % LINES_A_TURN === 0) yield;
    try {
      if (stop - start > EXPOSITION_LIMITS.line)
        throw new SyntaxProblem(`longer than ${EXPOSITION_LIMITS.line} characters`);
      const content = text.slice(start, stop).trim();
      if (content.startsWith("#")) {
        isEnded = options.isOpenMetrics && content === "# EOF";
        readType(content, types);
      } else if (content !== "") {
        if (samples >= options.maxSamples) return end(true);
        const sample = readSample(content, options.isOpenMetrics, types);
        samples += 1;
        take(sample);
      }
    } catch (error) {
      if (!(error instanceof SyntaxProblem)) throw error;
      problemCount += 1;
      if (problems.length < EXPOSITION_LIMITS.problems) problems.push({ line, message: error.message });
    }
    start = stop + 1;
  }
  return end(false);
}

/** Thrown where a line cannot be read and caught by its reader. */
class SyntaxProblem extends Error {}

function readType(comment: string, types: Map<string, MetricType>): void {
  const [, name, word] = /^#\s*TYPE\s+(\S+)\s+(\S+)/.exec(comment) ?? [];
  if (name === undefined || word === undefined || types.size >= EXPOSITION_LIMITS.families) return;
  types.set(unquote(name), Object.hasOwn(TYPES, word) ? (TYPES[word] ?? "untyped") : "untyped");
}

function typeOf(name: string, types: ReadonlyMap<string, MetricType>): MetricType {
  return types.get(name) ?? types.get(name.replace(SUFFIX, "")) ?? "untyped";
}

/** `name{label="value"} 1.5 1700000000000 # exemplar` */
function readSample(line: string, isOpenMetrics: boolean, types: ReadonlyMap<string, MetricType>): Sample {
  const brace = line.indexOf("{");
  const space = line.search(/\s/);
  const hasLabels = brace >= 0 && (space < 0 || brace < space || line.slice(space, brace).trim() === "");
  let name = hasLabels ? line.slice(0, brace).trim() : line.slice(0, Math.max(0, space));
  const labels: Record<string, string> = {};
  let rest: string;
  if (hasLabels) {
    const { quotedName, after } = readLabels(line, brace + 1, labels);
    if (quotedName !== undefined && name === "") name = quotedName;
    else if (quotedName !== undefined) throw new SyntaxProblem("two names");
    else checkName(name);
    rest = line.slice(after);
  } else {
    checkName(name);
    rest = line.slice(space);
  }
  // exemplars are samples of something else
  const [value = "", stamp, ...more] = (rest.split("#", 1)[0] ?? "").trim().split(/\s+/);
  if (more.length > 0) throw new SyntaxProblem("more than a value and a time");
  return { name, labels, value: readValue(value), timeNs: readTime(stamp, isOpenMetrics), type: typeOf(name, types) };
}

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;

function checkName(name: string): void {
  if (name.length > EXPOSITION_LIMITS.name) throw new SyntaxProblem("a name that is too long");
  if (!NAME.test(name)) throw new SyntaxProblem(`${JSON.stringify(name.slice(0, 50))} is no name of a metric`);
}

/** Reads from behind `{` to behind `}`. A quoted text without a value is the metric's name (UTF-8 names). */
function readLabels(line: string, start: number, labels: Record<string, string>) {
  let at = start;
  let count = 0;
  let quotedName: string | undefined;
  const skip = () => {
    while (line[at] === " " || line[at] === "\t") at += 1;
  };
  for (;;) {
    skip();
    if (line[at] === "}") return { quotedName, after: at + 1 };
    const isQuoted = line[at] === '"';
    const key = isQuoted ? readQuoted(line, at) : readBare(line, at);
    at = key.after;
    skip();
    if (isQuoted && line[at] !== "=") {
      if (quotedName !== undefined) throw new SyntaxProblem("two names");
      if (key.text === "" || key.text.length > EXPOSITION_LIMITS.name) throw new SyntaxProblem("a name of no use");
      quotedName = key.text;
    } else {
      if (line[at] !== "=") throw new SyntaxProblem(`a label without a value`);
      at += 1;
      skip();
      const value = readQuoted(line, at);
      at = value.after;
      count += 1;
      if (count > EXPOSITION_LIMITS.labels) throw new SyntaxProblem(`more than ${EXPOSITION_LIMITS.labels} labels`);
      if (key.text !== "__proto__") labels[key.text] = value.text;
    }
    skip();
    if (line[at] === ",") at += 1;
    else if (line[at] !== "}") throw new SyntaxProblem("labels without an end");
  }
}

const BARE = /[a-zA-Z0-9_]+/y;

function readBare(line: string, start: number): { text: string; after: number } {
  BARE.lastIndex = start;
  if (!BARE.test(line)) throw new SyntaxProblem("labels without an end");
  return { text: line.slice(start, BARE.lastIndex), after: BARE.lastIndex };
}

/** Every character is taken in one way only, so that a quote without an end costs no more than its length. */
const QUOTED = /"[^"\\]*(?:\\.[^"\\]*)*"/y;

function readQuoted(line: string, start: number): { text: string; after: number } {
  if (line[start] !== '"') throw new SyntaxProblem("a value without quotes");
  QUOTED.lastIndex = start;
  if (!QUOTED.test(line)) throw new SyntaxProblem("a quote without an end");
  const after = QUOTED.lastIndex;
  if (after - start > EXPOSITION_LIMITS.labelValue) throw new SyntaxProblem("the value of a label is too long");
  return { text: unescapeText(line.slice(start + 1, after - 1)), after };
}

function unescapeText(text: string): string {
  if (!text.includes("\\")) return text;
  return text.replace(/\\(.)/g, (whole, letter: string) => {
    if (letter === "n") return "\n";
    return letter === '"' || letter === "\\" ? letter : whole;
  });
}

function unquote(name: string): string {
  return name.startsWith('"') && name.endsWith('"') && name.length > 1 ? unescapeText(name.slice(1, -1)) : name;
}

function readValue(text: string): number {
  if (/^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?$/.test(text)) return Number(text);
  if (text.length > 1000) throw new SyntaxProblem("a number that is too long");
  if (/^[+]?inf(inity)?$/i.test(text)) return Number.POSITIVE_INFINITY;
  if (/^-inf(inity)?$/i.test(text)) return Number.NEGATIVE_INFINITY;
  if (/^[+-]?nan$/i.test(text)) return Number.NaN;
  if (/^[+-]?0[xX][0-9a-fA-F]+$/.test(text)) return Number(text.replace(/^[+-]/, "")) * (text.startsWith("-") ? -1 : 1);
  throw new SyntaxProblem(text === "" ? "no value" : `${JSON.stringify(text.slice(0, 50))} is no number`);
}

/** Milliseconds in the text format, seconds in OpenMetrics. */
function readTime(stamp: string | undefined, isOpenMetrics: boolean): bigint | undefined {
  if (stamp === undefined) return undefined;
  if (!/^-?\d{1,19}(\.\d{1,9})?([eE][+-]?\d{1,2})?$/.test(stamp)) throw new SyntaxProblem("a time that is none");
  const [, whole = "", fraction = ""] = /^(-?\d+)(?:\.(\d+))?$/.exec(stamp) ?? [];
  const digits = isOpenMetrics ? 9 : 6;
  const ns =
    whole === ""
      ? BigInt(Math.round(Number(stamp) * (isOpenMetrics ? 1e9 : 1e6)))
      : BigInt(whole) * 10n ** BigInt(digits) +
        BigInt(fraction.padEnd(digits, "0").slice(0, digits)) * (whole.startsWith("-") ? -1n : 1n);
  if (ns > 9_223_372_036_854_775_807n || ns < -9_223_372_036_854_775_808n)
    throw new SyntaxProblem("a time out of range");
  return ns;
}
