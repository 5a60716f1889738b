import type { Clock } from "@muster/core";
import { errorText } from "../../../../log.ts";
import {
  findRenamed,
  isNamedAfter,
  isRotationOf,
  listBeside,
  lookAround,
  positionAtEnd,
  positionInCopy,
  type Sighting,
} from "./discovery.ts";
import { compileGlob } from "./globs.ts";
import { beginningOf, type Position, type PositionJournal, type Progress, progressOf } from "./positions.ts";
import { type ReadingOptions, TailedFile } from "./tailed-file.ts";

/** Which files are followed, and from where. */
export interface WatchOptions extends ReadingOptions {
  readonly globs: readonly string[];
  readonly ignore: readonly RegExp[];
  readonly fromBeginning: boolean;
  /** Files that did not change for so long are not opened before they do; 0 opens all. */
  readonly ignoreInactiveMs: number;
}

/** A copy may still be growing; a new file that is named after another is looked at this often before it is read. */
const COPY_LOOKS = 5;

/** The files that are followed: finds new ones, sees changes, and does not lose sight of those that are rotated away. */
export class Watchlist {
  readonly #options: WatchOptions;
  readonly #clock: Clock;
  readonly #journal: PositionJournal;
  readonly #report: (trouble: string) => void;
  readonly #wasKnown: (path: string) => boolean;
  readonly #files = new Map<string, TailedFile>();
  /** New files that may be copies: their size at the last look, and how many looks there were. */
  readonly #doubtful = new Map<string, { size: number; looks: number }>();
  #isFirstLook = true;

  constructor(options: WatchOptions, parts: WatchParts) {
    this.#options = options;
    this.#clock = parts.clock;
    this.#journal = parts.journal;
    this.#report = parts.report;
    const before = parts.journal.globs.map(compileGlob);
    this.#wasKnown = (path) => before.some((pattern) => pattern.test(path));
    parts.journal.setGlobs(options.globs);
  }

  get files(): TailedFile[] {
    return [...this.#files.values()];
  }

  /** The first look: what is found now was there before; what was followed by the run before is found wherever it is. */
  async begin(): Promise<void> {
    await this.look();
    for (const position of this.#journal.positions) {
      if (this.#files.has(position.key)) continue;
      const moved = await findRenamed(position);
      if (!moved) continue;
      await this.#findBetween(position, moved);
      if (moved.size > position.at) this.#follow({ ...position, path: moved.path }).isRotated = true;
    }
    this.#isFirstLook = false;
  }

  /** Looks at the folders: what is new, what changed, what lost its name. */
  async look(): Promise<void> {
    const found = await lookAround(this.#options.globs, this.#options.ignore);
    for (const sighting of found.values()) {
      const file = this.#files.get(sighting.key);
      if (!file) await this.#add(sighting);
      else {
        file.path = sighting.path;
        file.isRotated = false;
        file.hasNews ||= sighting.modifiedMs !== file.modifiedMs || sighting.size !== file.offset;
        file.modifiedMs = sighting.modifiedMs;
      }
    }
    for (const [key, file] of this.#files) if (!found.has(key)) await this.#lose(file);
    for (const key of this.#doubtful.keys()) if (!found.has(key)) this.#doubtful.delete(key);
  }

  /** Ends the following of a file that was read to its end. */
  async letGo(file: TailedFile): Promise<void> {
    await file.close();
    this.#files.delete(file.position.key);
    // the position of a file that is only out of sight is kept: its folder may be mounted again
    if (file.isUnlinked) this.#journal.forget(file.position.key);
  }

  /** After a truncation: what nobody had read before it is in the copy, also where no pattern names that. True when there is one. */
  async findCopy(original: string, content: Progress): Promise<boolean> {
    let isFound = false;
    for (const sighting of await this.#listUnknownBeside(original, isNamedAfter)) {
      const found = await positionInCopy(sighting, [content]);
      isFound ||= found !== undefined;
      if (found && found.at < sighting.size) this.#take(found);
    }
    return isFound;
  }

  async close(): Promise<void> {
    for (const file of this.files) await file.close();
    this.#files.clear();
  }

  /** When files are rotated faster than they are looked at, one may come and go between two looks. */
  async #findBetween({ bornAs }: Position, moved: Sighting): Promise<void> {
    const beside = await this.#listUnknownBeside(bornAs, isRotationOf);
    const known = contentsOf(this.#journal.positions.filter((position) => position.bornAs === bornAs));
    for (const sighting of beside) {
      if (sighting.modifiedMs < moved.modifiedMs) continue;
      // a copy of what is known is of interest only when its original turns out to be truncated
      const copy = await positionInCopy(sighting, known);
      if (!copy) this.#take(beginningOf(sighting.key, sighting.path));
    }
  }

  async #listUnknownBeside(original: string, isRelated: typeof isNamedAfter): Promise<Sighting[]> {
    const beside = await listBeside(original, isRelated);
    return beside.filter(({ key }) => !this.#files.has(key) && !this.#journal.find(key));
  }

  /** Follows a file to its end that no pattern names. */
  #take(position: Position): void {
    this.#journal.put(position);
    this.#follow(position).isRotated = true;
  }

  #follow(position: Position): TailedFile {
    const file = new TailedFile(position, this.#options, this.#clock.monotonic());
    this.#doubtful.delete(position.key);
    this.#files.set(position.key, file);
    return file;
  }

  async #add(sighting: Sighting): Promise<void> {
    const { key, path, size, modifiedMs } = sighting;
    try {
      const known = this.#journal.find(key);
      const position = known ? { ...known, path } : await this.#newPosition(sighting);
      if (!position) return;
      if (!known) this.#journal.put(position);
      const file = this.#follow(position);
      file.modifiedMs = modifiedMs;
      // of the same size and yet another one: only its content tells
      file.hasNews = known !== undefined || size !== position.at;
    } catch (error) {
      // it went away between the look and the reading, or must not be read: the next look tries again
      this.#report(`${path}: ${errorText(error)}`);
    }
  }

  /**
   * Where a file is read from whose device and inode were never seen. They change when a filesystem is mounted anew or a
   * folder restored: then the path and what the file holds tell that it is the same.
   */
  async #newPosition(sighting: Sighting): Promise<Position | undefined> {
    const known = this.#journal.findByPath(sighting.path, this.#files);
    const same = known && (await positionInCopy(sighting, [progressOf(known)]));
    if (!same) return this.#firstPosition(sighting);
    this.#journal.forget(known.key);
    return { ...same, bornAs: known.bornAs };
  }

  /** Where a file that was never seen is read from; undefined when the next look shall decide. */
  async #firstPosition(sighting: Sighting): Promise<Position | undefined> {
    const { key, path, modifiedMs } = sighting;
    const { encoding, fromBeginning, ignoreInactiveMs } = this.#options;
    // what came while nobody looked is owed, however long ago that was
    const isOwed = this.#isFirstLook && this.#wasKnown(path);
    const isOld = this.#isFirstLook && !fromBeginning;
    const isInactive = ignoreInactiveMs > 0 && this.#clock.now() - modifiedMs > ignoreInactiveMs;
    if (!isOwed && (isOld || isInactive)) return positionAtEnd(sighting, encoding);
    const all = [...this.#files.values()].map((file) => file.position);
    const originals = all.filter((original) =>
      [original.path, original.bornAs].some((name) => isNamedAfter(path, name)),
    );
    if (originals.length === 0) return beginningOf(key, path);
    if (!this.#isSettled(sighting)) return undefined;
    return (await positionInCopy(sighting, contentsOf(originals))) ?? beginningOf(key, path);
  }

  #isSettled({ key, size }: Sighting): boolean {
    const before = this.#doubtful.get(key);
    this.#doubtful.set(key, { size, looks: (before?.looks ?? 0) + 1 });
    return before?.size === size || (before?.looks ?? 0) >= COPY_LOOKS;
  }

  /** A file that no pattern names any more. An open one is read to its end; a closed one is looked for first. */
  async #lose(file: TailedFile): Promise<void> {
    const moved = await findRenamed(file.position);
    if (moved && !file.isRotated) await this.#findBetween(file.position, moved);
    file.isRotated = true;
    file.blockedUntilMs = 0;
    file.isUnlinked = file.isOpen && moved === undefined && !(await file.hasName());
    if (moved) file.path = moved.path;
    if (!file.isOpen && (!moved || moved.size <= file.position.at)) await this.letGo(file);
    else if (!file.isOpen) file.hasNews = true;
  }
}

/** How far the contents of files were handed over, also of those that were truncated last. */
function contentsOf(positions: readonly Position[]): Progress[] {
  return positions.flatMap((position) => [progressOf(position), ...(position.before ? [position.before] : [])]);
}

export interface WatchParts {
  readonly clock: Clock;
  readonly journal: PositionJournal;
  /** Told to people; the next look tries again. */
  readonly report: (trouble: string) => void;
}
