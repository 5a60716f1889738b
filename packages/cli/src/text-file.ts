import { createReadStream } from "node:fs";
import type { CliHost } from "./context.ts";
import { usageError } from "./failure.ts";

const MAX_BYTES = 1024 * 1024;

/** The text of a file, or of stdin for `-`. What cannot be read or is far too long is a mistake in the call. */
export async function readTextFile(host: CliHost, path: string): Promise<string> {
  const parts: Buffer[] = [];
  let length = 0;
  try {
    for await (const part of path === "-" ? host.stdin : createReadStream(path)) {
      parts.push(Buffer.from(part));
      length += part.length;
      if (length > MAX_BYTES) break;
    }
  } catch (error) {
    throw usageError(`${path}: ${error instanceof Error ? error.message : "cannot be read"}`);
  }
  if (length > MAX_BYTES) throw usageError(`${path}: more than ${MAX_BYTES} bytes`);
  return Buffer.concat(parts).toString("utf8");
}
