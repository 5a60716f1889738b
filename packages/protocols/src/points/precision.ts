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
