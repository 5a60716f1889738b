import { MusterError } from "@muster/core";
import { networkError } from "./problem.ts";

/** A line longer than this is no line of ours. */
const MAX_LINE_LENGTH = 16 * 1024 * 1024;

/**
 * The values of an `application/x-ndjson` body as they arrive. Empty lines keep a connection alive and are skipped.
 * A body that breaks off throws `unavailable`. Leaving the loop early closes the connection.
 */
export async function* readLines<Value>(response: Response, signal?: AbortSignal): AsyncGenerator<Value> {
  if (!response.body) return;
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  let rest = "";
  try {
    for (;;) {
      const { done, value } = await reader.read().catch((error: unknown) => {
        signal?.throwIfAborted();
        throw networkError(response.url, error);
      });
      rest += done ? decoder.decode() : decoder.decode(value, { stream: true });
      const lines = rest.split("\n");
      rest = done ? "" : (lines.pop() ?? "");
      if (rest.length > MAX_LINE_LENGTH) throw new MusterError("resource_exhausted", "a line of output is too long");
      for (const line of lines) if (line.trim() !== "") yield parseLine<Value>(line);
      if (done) return;
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

function parseLine<Value>(line: string): Value {
  try {
    return JSON.parse(line) as Value;
  } catch (error) {
    throw new MusterError("internal", "a line of the server's answer is no JSON", {}, error);
  }
}
