/** What one line may hold; longer ones are refused. */
export const STATSD_LIMITS = {
  /** Characters. */
  line: 8 * 1024,
  name: 255,
  tags: 50,
  tag: 200,
  value: 200,
  /** Values of one line, as dogstatsd packs them. */
  values: 1000,
} as const;

export type StatsdType = "counter" | "gauge" | "timing" | "histogram" | "distribution" | "set";

const TYPES: Readonly<Record<string, StatsdType>> = {
  c: "counter",
  m: "counter",
  g: "gauge",
  ms: "timing",
  h: "histogram",
  d: "distribution",
  s: "set",
};

/** One line, read: `requests:1|c|@0.5|#code:200`. */
export interface StatsdLine {
  readonly name: string;
  readonly type: StatsdType;
  readonly tags: Readonly<Record<string, string>>;
  /** As they came: a gauge's sign says that it is a change, and a set's are texts. */
  readonly values: readonly string[];
  /** Above 0 and up to 1: what share of the events was sent. */
  readonly rate: number;
}

/** Reads a line; answers what is wrong with it as a text, and undefined for events and checks, which are no metrics. */
export function parseStatsd(line: string, isDogstatsd: boolean): StatsdLine | string | undefined {
  if (line.length > STATSD_LIMITS.line) return "a line that is too long";
  if (line.startsWith("_e{") || line.startsWith("_sc|")) return undefined;
  const [head = "", typeName = "", ...rest] = line.split("|");
  const type = Object.hasOwn(TYPES, typeName) ? TYPES[typeName] : undefined;
  if (type === undefined) return "a line without a type that we know";
  const colon = head.indexOf(":");
  if (colon <= 0) return "a line without a name and a value";
  const tags: Record<string, string> = {};
  const [name = "", ...inName] = head.slice(0, colon).split(",");
  if (name === "" || name.length > STATSD_LIMITS.name) return "a name of no use";
  let rate = 1;
  for (const part of rest) {
    if (part.startsWith("@")) rate = Number(part.slice(1));
    else if (part.startsWith("#") && isDogstatsd && !addTags(tags, part.slice(1).split(","), ":"))
      return "too many tags";
  }
  if (!(rate > 0 && rate <= 1)) return "a rate that is not between 0 and 1";
  if (!addTags(tags, inName, "=")) return "too many tags";
  const values = type === "set" ? [head.slice(colon + 1)] : head.slice(colon + 1).split(":");
  if (values.length > STATSD_LIMITS.values) return "too many values";
  const isGood = type === "set" ? isText : isNumber;
  return values.every(isGood) ? { name, type, tags, values, rate } : "a value that is no number";
}

function isNumber(value: string): boolean {
  return (
    value.length <= 40 && /^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?$/.test(value) && Number.isFinite(Number(value))
  );
}

function isText(value: string): boolean {
  return value !== "" && value.length <= STATSD_LIMITS.value;
}

/** `key:value`, or a key alone, which is true. False when there are too many. */
function addTags(tags: Record<string, string>, parts: readonly string[], separator: string): boolean {
  if (parts.length > STATSD_LIMITS.tags) return false;
  for (const part of parts) {
    const at = part.indexOf(separator);
    const key = (at < 0 ? part : part.slice(0, at)).slice(0, STATSD_LIMITS.tag);
    const value = at < 0 ? "true" : part.slice(at + 1, at + 1 + STATSD_LIMITS.tag);
    if (key !== "" && key !== "__proto__" && value !== "") tags[key] = value;
  }
  return true;
}
