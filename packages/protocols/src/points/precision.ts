/** Units of a timestamp on the wire, as queries name them. */
export type Precision = "n" | "u" | "ms" | "s" | "m" | "h";

const UNIT_NS: Readonly<Record<Precision, bigint>> = {
  n: 1n,
  u: 1_000n,
  ms: 1_000_000n,
  s: 1_000_000_000n,
  m: 60_000_000_000n,
  h: 3_600_000_000_000n,
};

const NAMES: Readonly<Record<string, Precision>> = {
  n: "n",
  ns: "n",
  u: "u",
  us: "u",
  µ: "u",
  µs: "u",
  ms: "ms",
  s: "s",
  m: "m",
  h: "h",
};

const LARGEST = 2n ** 63n - 1n;
const SMALLEST = -(2n ** 63n);

/** The unit that a client names; undefined for a name that means nothing. */
export function parsePrecision(name: string): Precision | undefined {
  return Object.hasOwn(NAMES, name) ? NAMES[name] : undefined;
}

/**
 * A timestamp in ns. With `auto` its magnitude tells the unit: seconds below 10^10, then ms and µs by thousands.
 * Undefined when it does not fit 64 bits.
 */
export function toNanoseconds(stamp: bigint, precision: Precision | "auto"): bigint | undefined {
  const ns = stamp * UNIT_NS[precision === "auto" ? guessPrecision(stamp) : precision];
  return ns > LARGEST || ns < SMALLEST ? undefined : ns;
}

function guessPrecision(stamp: bigint): Precision {
  const size = stamp < 0n ? -stamp : stamp;
  if (size < 10_000_000_000n) return "s";
  if (size < 10_000_000_000_000n) return "ms";
  return size < 10_000_000_000_000_000n ? "u" : "n";
}

/** A time as whole milliseconds and the nanoseconds behind them; both are negative before 1970. */
export interface Instant {
  ms: number;
  ns: number;
}

const LARGEST_MS = 9_223_372_036_854;
const LARGEST_NS = 775_807;
const MAX_DIGITS = 19;
const HALF_DIGITS = 9;

/**
 * Reads the decimal integer in these bytes as a time into `instant`, without an object of its own. Answers what is wrong with
 * it, if something is.
 */
export function readInstant(
  bytes: Uint8Array,
  { start, end, precision }: { readonly start: number; readonly end: number; readonly precision: Precision | "auto" },
  instant: Instant,
): string | undefined {
  const isNegative = bytes[start] === 0x2d;
  const from = isNegative ? start + 1 : start;
  if (end === from || end - from > MAX_DIGITS) return "a time that is no integer";
  // a number holds 15 digits exactly: it takes two
  let upper = 0;
  let lower = 0;
  for (let at = from; at < end; at++) {
    const digit = (bytes[at] as number) - 0x30;
    if (digit < 0 || digit > 9) return "a time that is no integer";
    if (at < end - HALF_DIGITS) upper = upper * 10 + digit;
    else lower = lower * 10 + digit;
  }
  setInstant(instant, { upper, lower, precision: precision === "auto" ? guessFromHalves(upper) : precision });
  if (instant.ms > LARGEST_MS || (instant.ms === LARGEST_MS && instant.ns > LARGEST_NS + (isNegative ? 1 : 0)))
    return "a time that does not fit 64 bits";
  if (isNegative) {
    instant.ms = 0 - instant.ms;
    instant.ns = 0 - instant.ns;
  }
  return undefined;
}

export function instantToNanoseconds({ ms, ns }: Instant): bigint {
  return BigInt(ms) * 1_000_000n + BigInt(ns);
}

/** Of an integer of `upper` billions and `lower` ones. */
function setInstant(
  instant: Instant,
  { upper, lower, precision }: { readonly upper: number; readonly lower: number; readonly precision: Precision },
): void {
  instant.ns = 0;
  switch (precision) {
    case "n":
      instant.ns = lower % 1_000_000;
      instant.ms = upper * 1_000 + Math.floor(lower / 1_000_000);
      break;
    case "u":
      instant.ns = (lower % 1_000) * 1_000;
      instant.ms = upper * 1_000_000 + Math.floor(lower / 1_000);
      break;
    default:
      // beyond what a number holds exactly it is far beyond 64 bits of ns, too
      instant.ms = (upper * 1e9 + lower) * UNIT_MS[precision];
  }
}

const UNIT_MS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 } as const;

function guessFromHalves(upper: number): Precision {
  if (upper < 10) return "s";
  if (upper < 10_000) return "ms";
  return upper < 10_000_000 ? "u" : "n";
}
