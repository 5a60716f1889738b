import type { Clock } from "@muster/core";

/** Waits for a promise, but no longer than `ms`: then `late`, and whatever it ends in is nobody's concern. */
export async function within(
  clock: Clock,
  ms: number,
  promise: Promise<unknown> | undefined,
): Promise<"done" | "late"> {
  if (promise === undefined) return "done";
  const waited = Promise.withResolvers<"late">();
  const cancel = clock.after(ms, () => waited.resolve("late"));
  try {
    return await Promise.race([promise.then(() => "done" as const), waited.promise]);
  } finally {
    cancel();
    promise.catch(() => {}); // after its time it may fail unheard
  }
}
