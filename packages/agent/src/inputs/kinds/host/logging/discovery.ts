import { type FileHandle, open, readdir, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { expandGlobs } from "./globs.ts";
import { beginningOf, FINGERPRINT_BYTES, fingerprintOf, type Mark, type Position, type Progress } from "./positions.ts";
import { matches } from "./tailed-file.ts";

/** How far back the start of the last line is looked for. */
const LAST_LINE_BYTES = 64 * 1024;

/** A file as a look at the folders found it. */
export interface Sighting {
  readonly key: string;
  readonly path: string;
  readonly size: number;
  readonly modifiedMs: number;
}

/** Regular files that the patterns name, each once whatever links lead to it. */
export async function lookAround(globs: readonly string[], ignore: readonly RegExp[]): Promise<Map<string, Sighting>> {
  const found = new Map<string, Sighting>();
  for (const path of await expandGlobs(globs, ignore)) {
    const sighting = await lookAt(path);
    if (sighting && !found.has(sighting.key)) found.set(sighting.key, sighting);
  }
  return found;
}

/** Undefined for what is not there, and for what is no regular file: reading a pipe takes from others. */
export async function lookAt(path: string): Promise<Sighting | undefined> {
  const found = await stat(path, { bigint: true }).catch(() => undefined);
  if (!found?.isFile()) return undefined;
  return { key: `${found.dev}:${found.ino}`, path, size: Number(found.size), modifiedMs: Number(found.mtimeMs) };
}

/** Where a renamed file went: the name beside its old one that has the same inode. */
export async function findRenamed(position: Position): Promise<Sighting | undefined> {
  const folder = dirname(position.path);
  for (const name of await readdir(folder).catch(() => [])) {
    const sighting = await lookAt(join(folder, name));
    if (sighting?.key === position.key) return sighting;
  }
  return undefined;
}

/** The position for a file whose content so far is of no interest: the start of its last line, when that has no end yet. */
export async function positionAtEnd({ key, path, size }: Sighting): Promise<Position> {
  const fresh = beginningOf(key, path);
  const handle = await open(path, "r");
  try {
    const buffer = Buffer.alloc(Math.min(size, LAST_LINE_BYTES));
    const start = size - buffer.length;
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, start);
    const newline = buffer.subarray(0, bytesRead).lastIndexOf(0x0a);
    const isAligned = newline >= 0 || start === 0;
    const at = isAligned ? start + newline + 1 : size;
    const known = buffer.subarray(Math.max(0, at - start - FINGERPRINT_BYTES), at - start);
    return { ...fresh, at, skipping: !isAligned, fingerprint: fingerprintOf(known) };
  } finally {
    await handle.close();
  }
}

/** Whether a file may be a rotated copy of another: `app.log.1` or `app.log-20260101` of `app.log`. */
export function isNamedAfter(path: string, original: string): boolean {
  if (path === original || dirname(path) !== dirname(original)) return false;
  return (
    basename(path).startsWith(basename(original)) && /^[._-]/.test(basename(path).slice(basename(original).length))
  );
}

/** The position in a copy that was made before its original was truncated; undefined when it is none. */
export async function positionInCopy(
  sighting: Sighting,
  originals: readonly Progress[],
): Promise<Position | undefined> {
  const { key, path, size } = sighting;
  const handle = await open(path, "r");
  try {
    for (const original of originals) {
      const { earlier } = original;
      if (await isCertain(handle, original)) return { ...original, key, path, bornAs: path };
      // the original was read on between the copying and the truncation: all of the copy was handed over
      if (earlier && size < original.at && (await isCertain(handle, earlier))) {
        return { ...beginningOf(key, path), at: size };
      }
    }
    return undefined;
  } finally {
    await handle.close();
  }
}

/** A mark at the beginning would match any file. */
async function isCertain(handle: FileHandle, mark: Mark): Promise<boolean> {
  return mark.fingerprint.bytes > 0 && (await matches(handle, mark));
}
