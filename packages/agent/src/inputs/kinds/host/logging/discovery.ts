import { type FileHandle, open, readdir, stat } from "node:fs/promises";
import { basename, dirname, extname, join } from "node:path";
import { expandGlobs } from "./globs.ts";
import { startOfLastLine } from "./lines.ts";
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
export async function positionAtEnd({ key, path, size }: Sighting, encoding: string): Promise<Position> {
  const fresh = beginningOf(key, path);
  const handle = await open(path, "r");
  try {
    const whole = size - (size % 2); // of both bytes of UTF-16; one byte more or less is no matter for the others
    const buffer = Buffer.alloc(Math.min(whole, LAST_LINE_BYTES));
    const start = whole - buffer.length;
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, start);
    const line = startOfLastLine(buffer.subarray(0, bytesRead), encoding);
    const isAligned = line > 0 || start === 0;
    const at = isAligned ? start + line : whole;
    const known = buffer.subarray(Math.max(0, at - start - FINGERPRINT_BYTES), at - start);
    return { ...fresh, at, skipping: !isAligned, fingerprint: fingerprintOf(known) };
  } finally {
    await handle.close();
  }
}

/** Archives, whose bytes are no lines. */
const COMPRESSED = /\.(gz|bz2|xz|zst|zip|lz4|Z)$/;
/** What rotations add to a name: a number, a date, or a word for the one before. */
const ROTATION = /^[._-](\d[\d._T:-]*|old|prev)$/;

/** Whether a file may be a rotated copy of another: `app.log.1`, `app.log-20260101` or `app-20260101.log` of `app.log`. */
export function isNamedAfter(path: string, original: string): boolean {
  const added = addedTo(path, original);
  return added !== undefined && /^[._-]/.test(added);
}

/** The same, and the name says that it comes from a rotation. */
export function isRotationOf(path: string, original: string): boolean {
  const added = addedTo(path, original);
  return added !== undefined && ROTATION.test(added);
}

/** What a name has more than another one, at its end or before its extension; undefined when they are not related. */
function addedTo(path: string, original: string): string | undefined {
  if (path === original || dirname(path) !== dirname(original)) return undefined;
  const name = basename(path);
  const whole = basename(original);
  if (name.startsWith(whole)) return name.slice(whole.length);
  const extension = extname(original);
  const stem = whole.slice(0, whole.length - extension.length);
  if (!name.startsWith(stem) || !name.endsWith(extension) || name.length < whole.length) return undefined;
  return name.slice(stem.length, name.length - extension.length);
}

/** Files beside another that are related to it by name; archives are none. */
export async function listBeside(original: string, isRelated: typeof isNamedAfter): Promise<Sighting[]> {
  const folder = dirname(original);
  const found: Sighting[] = [];
  for (const name of await readdir(folder).catch(() => [])) {
    const path = join(folder, name);
    const sighting = isRelated(path, original) && !COMPRESSED.test(name) ? await lookAt(path) : undefined;
    if (sighting) found.push(sighting);
  }
  return found;
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
