import { randomBytes } from "node:crypto";
import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { UNFINISHED_PREFIX } from "./places.ts";

const UNFINISHED = /^\.muster-[0-9a-f]{16}\.new$/;

/**
 * Replaces a file whole, readable by its owner only: whoever looks, after a crash as well, sees the old content or the new
 * one. Throws what the system says.
 */
export function replaceFile(path: string, content: string | Uint8Array): void {
  const folder = dirname(path);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const unfinished = join(folder, `${UNFINISHED_PREFIX}${randomBytes(8).toString("hex")}.new`);
  try {
    writeFileSync(unfinished, content, { mode: 0o600, flag: "wx", flush: true });
    renameSync(unfinished, path);
  } catch (error) {
    rmSync(unfinished, { force: true });
    throw error;
  }
  syncFolder(folder);
}

export function removeFile(path: string): void {
  rmSync(path, { force: true });
  syncFolder(dirname(path));
}

/** The content of a plain file of at most `limit` bytes; undefined when there is none. A link is none. */
export function readPlainFile(path: string, limit: number): Buffer | undefined {
  let file: number;
  try {
    // never waits for the other end of a pipe
    file = openSync(path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0));
  } catch {
    return undefined;
  }
  try {
    const stats = fstatSync(file);
    return stats.isFile() && stats.size <= limit ? readFileSync(file) : undefined;
  } catch {
    return undefined;
  } finally {
    closeSync(file);
  }
}

/** Removes what a crash left between writing a file and giving it its name. */
export function removeUnfinished(folder: string): void {
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch {
    return; // not there yet
  }
  for (const name of names) if (UNFINISHED.test(name)) rmSync(join(folder, name), { force: true });
}

/** Makes a new name outlive a power cut. Systems that cannot sync a folder are left as they are. */
function syncFolder(folder: string): void {
  try {
    const descriptor = openSync(folder, "r");
    try {
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
  } catch {
    // such as Windows, or a folder that is not there
  }
}
