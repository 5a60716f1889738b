export interface WaitOptions {
  /** Default 5 s. */
  readonly timeoutMs?: number;
  /** Default 10 ms. */
  readonly everyMs?: number;
  /** Added to the error, e.g. the output of the process that was waited for. */
  readonly explain?: () => string;
}

/**
 * Asks `check` until it answers something truthy and returns that. For what happens in other processes; code under a
 * manual clock never needs it. A check that throws counts as "not yet", and its last error is the cause of the failure.
 */
export async function waitUntil<Value>(
  what: string,
  check: () => Value | Promise<Value>,
  options: WaitOptions = {},
): Promise<NonNullable<Exclude<Value, false>>> {
  const timeoutMs = options.timeoutMs ?? 5000;
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    let failure: unknown;
    try {
      const value = await check();
      if (value) return value as NonNullable<Exclude<Value, false>>;
    } catch (error) {
      failure = error;
    }
    if (performance.now() >= deadline) {
      const more = options.explain ? `\n${options.explain()}` : "";
      throw new Error(`waited ${timeoutMs} ms in vain: ${what}${more}`, { cause: failure });
    }
    await new Promise<void>((resolve) => setTimeout(resolve, options.everyMs ?? 10));
  }
}

/**
 * For suites that need a program that is not part of Muster. On a developer's machine they say what is missing and are
 * skipped; in continuous integration nothing is skipped, so that they fail instead.
 */
export function unlessMissing(missing: string | undefined): { readonly skip: string | false } {
  return { skip: missing !== undefined && !isContinuousIntegration() ? missing : false };
}

function isContinuousIntegration(): boolean {
  return process.env.CI === "true" || process.env.CI === "1";
}
