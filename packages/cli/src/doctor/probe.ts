/** One hop on the way to the server: whether it is passed, what was seen, and what to try when it is not. */
export interface Finding {
  readonly hop: string;
  readonly state: "ok" | "failed" | "warning" | "skipped";
  readonly words: string;
  /** What to try. */
  readonly advice?: string;
}

/** A hop that failed: the hops behind it cannot be tried. */
export class HopFailure extends Error {
  readonly advice: string;

  constructor(words: string, advice: string, cause?: unknown) {
    super(words, cause === undefined ? undefined : { cause });
    this.name = "HopFailure";
    this.advice = advice;
  }
}

/** The system's code of a failed call, such as ECONNREFUSED, wherever it hides. */
export function systemCode(error: unknown): string {
  let current = error;
  for (let depth = 0; depth < 5; depth++) {
    if (typeof current !== "object" || current === null) break;
    if ("code" in current && typeof current.code === "string") return current.code;
    if (current instanceof AggregateError && current.errors.length > 0) current = current.errors[0];
    else if (current instanceof Error) current = current.cause;
  }
  return "";
}
