import * as z from "zod/mini";
import { formatDurationRange, parseGoDuration } from "./go-duration.ts";

/**
 * The options of a kind: unknown ones are refused, and every message names its option, so that it can be shown to
 * whoever wrote the TOML without its path.
 */
export function options<Shape extends z.core.$ZodShape>(shape: Shape) {
  const strict = z.strictObject(shape);
  return z.transform((input: unknown, context): z.output<typeof strict> => {
    const parsed = z.safeParse(strict, input, { error: expectation });
    if (parsed.success) return parsed.data;
    for (const issue of parsed.error.issues) {
      context.issues.push({ code: "custom", message: describe(issue), path: issue.path, input });
    }
    return z.NEVER;
  });
}

/** A list of options of its own, such as `[[inputs.netstat.addr_ports]]`. Unknown keys are refused. */
export function block<Shape extends z.core.$ZodShape>(shape: Shape) {
  return z.strictObject(shape);
}

export const flag = (byDefault: boolean) => z._default(z.boolean(), byDefault);

export const text = (byDefault: string) => z._default(z.string(), byDefault);

/** A list of texts; absent is empty unless said otherwise. */
export const texts = (byDefault: readonly string[] = []) => z._default(z.array(z.string()), [...byDefault]);

/** A whole number; TOML readers may hand it over as either kind of number. */
export function integer(byDefault: number, { min, max }: { readonly min: number; readonly max: number }) {
  const fits = (value: unknown) => {
    const number = typeof value === "bigint" ? Number(value) : value;
    return typeof number === "number" && Number.isInteger(number) && number >= min && number <= max;
  };
  const whole = z.pipe(
    z.custom<number | bigint>(fits, `must be a whole number from ${min} to ${max}`),
    z.transform((value) => Number(value)),
  );
  return z._default(whole, byDefault);
}

/** A duration in Go's writing ("10s", "1m30s", "500ms") or a number of seconds; milliseconds inside. */
export function duration(byDefaultMs: number, range: { readonly minMs: number; readonly maxMs: number }) {
  const fits = (value: unknown) => {
    const ms = parseGoDuration(value);
    return ms !== undefined && ms >= range.minMs && ms <= range.maxMs;
  };
  const parsed = z.pipe(
    z.custom<string | number | bigint>(fits, `must be a duration such as "10s", ${formatDurationRange(range)}`),
    z.transform((value) => parseGoDuration(value) ?? byDefaultMs),
  );
  return z._default(parsed, byDefaultMs);
}

/** A regular expression; compiled, so that a broken one is refused with its reason. Empty is none. */
export function pattern(byDefault: string) {
  return z.prefault(z.pipe(z.string().check(compiles), z.transform(compile)), byDefault);
}

/** Regular expressions, any of which may match. */
export function patterns(byDefault: readonly string[] = []) {
  const toExpressions = z.transform((sources: string[]) => sources.map((source) => new RegExp(source)));
  return z.prefault(z.pipe(z.array(z.string().check(compiles)), toExpressions), [...byDefault]);
}

function compile(source: string): RegExp | undefined {
  return source === "" ? undefined : new RegExp(source);
}

const compiles = z.superRefine<string>((source, context) => {
  try {
    new RegExp(source);
  } catch (error) {
    context.addIssue(`is no regular expression: ${error instanceof Error ? error.message : "it cannot be compiled"}`);
  }
});

/** What to say where a schema says nothing by itself; it reads on from the option's name. */
function expectation(issue: z.core.$ZodRawIssue): string | undefined {
  switch (issue.code) {
    case "invalid_type":
      return issue.input === undefined
        ? "is missing"
        : `must be ${EXPECTED[issue.expected] ?? `of type ${issue.expected}`}`;
    case "invalid_value":
      return `must be one of ${issue.values.map((value) => JSON.stringify(value)).join(", ")}`;
    case "too_small":
      return `must be at least ${issue.minimum}`;
    case "too_big":
      return `must be at most ${issue.maximum}`;
    default:
      return undefined;
  }
}

const EXPECTED: Readonly<Record<string, string>> = {
  boolean: "true or false",
  string: "a text in quotes",
  number: "a number",
  int: "a whole number",
  array: "a list",
  object: "a table",
};

function describe(issue: z.core.$ZodIssue): string {
  const name = issue.path
    .map((part, index) => (typeof part === "number" ? `[${part}]` : index > 0 ? `.${String(part)}` : String(part)))
    .join("");
  if (issue.code === "unrecognized_keys") {
    const keys = issue.keys.map((key) => `"${name === "" ? key : `${name}.${key}`}"`);
    return keys.length === 1
      ? `${keys[0]} is no option of this input`
      : `${keys.join(", ")} are no options of this input`;
  }
  return name === "" ? `the options ${issue.message}` : `"${name}" ${issue.message}`;
}
