import type { Point } from "@muster/core";
import { delay } from "@muster/core";
import { errorText } from "../../../../log.ts";
import type { KindTools } from "../../shared/kind.ts";
import { findRenamed, isNamedAfter, lookAround, positionAtEnd, positionInCopy, type Sighting } from "./discovery.ts";
import { compileGlob } from "./globs.ts";
import type { LogRecord } from "./lines.ts";
import { beginningOf, type Position, PositionJournal, progressOf } from "./positions.ts";
import { type ReadingOptions, TailedFile } from "./tailed-file.ts";

export interface TailOptions extends ReadingOptions {
  readonly globs: readonly string[];
  readonly ignore: readonly RegExp[];
  readonly fromBeginning: boolean;
  /** Files that did not change for so long are not opened before they do; 0 opens all. */
  readonly ignoreInactiveMs: number;
  readonly maxOpenFiles: number;
  /** An unfinished record is complete when nothing came for so long. */
  readonly recordTimeoutMs: number;
}

/** Makes the point of a record; undefined for one that is not wanted. */
export type MakePoint = (record: LogRecord, file: TailedFile) => Point | undefined;

/** Small enough that records of one reading are freed while they are young: memory stays flat at any speed. */
const PIECE_BYTES = 256 * 1024;
const BATCH_RECORDS = 5000;
const POLL_MS = 250;
const SCAN_MS = 1000;
const SYNC_MS = 1000;
/** After this long without news an open file is not asked on every poll any more, only when a look finds it changed. */
const ACTIVE_MS = 10_000;
/** A renamed file may still be written by whoever has it open. */
const ROTATED_MS = 60_000;
const RETRY_MS = 1000;
const BLOCKED_MS = 10_000;
/** A copy may still be growing; a new file that is named after another is looked at this often before it is read. */
const COPY_LOOKS = 5;

/** Follows files: finds them, reads each in its turn, hands records over and only then moves positions. */
export class Tail {
  readonly #options: TailOptions;
  readonly #tools: KindTools;
  readonly #makePoint: MakePoint;
  readonly #files = new Map<string, TailedFile>();
  readonly #buffer = Buffer.allocUnsafe(PIECE_BYTES);
  readonly #stopping = new AbortController();
  /** New files that may be copies: their size at the last look, and how many looks there were. */
  readonly #doubtful = new Map<string, { size: number; looks: number }>();
  #journal: PositionJournal | undefined;
  #wasKnown: (path: string) => boolean = () => false;
  #isFirstLook = true;
  #running: Promise<void> = Promise.resolve();
  #troubles = "";

  constructor(options: TailOptions, tools: KindTools, makePoint: MakePoint) {
    this.#options = options;
    this.#tools = tools;
    this.#makePoint = makePoint;
  }

  /** Opens the journal and takes the first look, so that what is written from now on counts as new. */
  async start(): Promise<void> {
    const journal = PositionJournal.open(this.#tools.stateDir());
    this.#journal = journal;
    const before = journal.globs.map(compileGlob);
    this.#wasKnown = (path) => before.some((pattern) => pattern.test(path));
    journal.setGlobs(this.#options.globs);
    await this.#look(journal);
    await this.#findMoved(journal);
    this.#isFirstLook = false;
    this.#running = this.#run(journal);
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
    for (const file of this.#files.values()) await file.close();
    this.#files.clear();
    this.#journal?.close();
    this.#journal = undefined;
  }

  async #run(journal: PositionJournal): Promise<void> {
    const { clock, log } = this.#tools;
    const { signal } = this.#stopping;
    let lookAtMs = clock.monotonic() + SCAN_MS;
    let syncAtMs = clock.monotonic() + SYNC_MS;
    while (!signal.aborted) {
      try {
        const startedMs = clock.monotonic();
        if (startedMs >= lookAtMs) {
          await this.#look(journal);
          // patterns over huge folders must not fill the time
          lookAtMs = startedMs + Math.max(SCAN_MS, 10 * (clock.monotonic() - startedMs));
        }
        const isBusy = await this.#readAll(journal);
        if (clock.monotonic() >= syncAtMs) {
          await journal.sync();
          syncAtMs = clock.monotonic() + SYNC_MS;
        }
        if (!isBusy) await delay(clock, POLL_MS, signal);
      } catch (error) {
        log.error("files could not be followed", { error });
        this.#tools.reportTrouble(errorText(error));
        await delay(clock, RETRY_MS, signal);
      }
    }
  }

  /** Gives every file one turn; true when one of them may have more. */
  async #readAll(journal: PositionJournal): Promise<boolean> {
    let isBusy = false;
    const troubles: string[] = [];
    for (const file of [...this.#files.values()]) {
      if (this.#stopping.signal.aborted) return false;
      if (!this.#wantsTurn(file)) continue;
      try {
        if (await this.#turn(file, journal)) isBusy = true;
      } catch (error) {
        troubles.push(`${file.path}: ${errorText(error)}`);
        file.blockedUntilMs = this.#tools.clock.monotonic() + BLOCKED_MS;
        await file.close();
      }
    }
    if (troubles.length > 0) this.#report(troubles.slice(0, 5).join("; "));
    return isBusy;
  }

  #wantsTurn(file: TailedFile): boolean {
    const now = this.#tools.clock.monotonic();
    if (now < file.blockedUntilMs) return false;
    if (!file.isOpen) return file.hasNews;
    return file.hasNews || file.isRotated || file.hasPartial || now - file.lastReadMs < ACTIVE_MS;
  }

  /** One piece of one file. */
  async #turn(file: TailedFile, journal: PositionJournal): Promise<boolean> {
    if (!file.isOpen) {
      if (!(await this.#makeRoom())) return false;
      await file.open();
    }
    const { records, isAtEnd } = await file.read(this.#buffer, this.#tools.clock.monotonic());
    const complete = isAtEnd ? this.#completeByTime(file) : records;
    const isDone = await this.#handOver(file, complete, journal);
    file.endReading();
    if (isAtEnd && isDone && this.#isOver(file)) await this.#letGo(file, journal);
    return !isAtEnd && isDone;
  }

  /** What nobody will complete any more. */
  #completeByTime(file: TailedFile): LogRecord[] {
    if (this.#isOver(file)) return file.finish();
    const idleMs = this.#tools.clock.monotonic() - file.lastReadMs;
    return idleMs >= this.#options.recordTimeoutMs ? file.finishRecord() : [];
  }

  /** Read to its end, and nothing will be added. */
  #isOver(file: TailedFile): boolean {
    const idleMs = this.#tools.clock.monotonic() - file.lastReadMs;
    return file.isUnlinked || (file.isRotated && idleMs >= ROTATED_MS);
  }

  async #letGo(file: TailedFile, journal: PositionJournal): Promise<void> {
    await file.close();
    this.#files.delete(file.position.key);
    // the position of a file that is only out of sight is kept: its folder may be mounted again
    if (file.isUnlinked) journal.forget(file.position.key);
  }

  /** Closes the file that was silent longest when no other may be opened; false when all of them are being read. */
  async #makeRoom(): Promise<boolean> {
    const open = [...this.#files.values()].filter((file) => file.isOpen);
    if (open.length < this.#options.maxOpenFiles) return true;
    const idle = open.filter((file) => file.isAtEnd && !file.hasNews && !file.isRotated);
    const longest = idle.toSorted((a, b) => a.lastReadMs - b.lastReadMs)[0];
    await longest?.close();
    return longest !== undefined;
  }

  /** False when it was stopped before everything was taken; then positions stay where they are. */
  async #handOver(file: TailedFile, records: readonly LogRecord[], journal: PositionJournal): Promise<boolean> {
    const isRepeated = file.position.pendingTo !== undefined;
    const size = isRepeated ? Math.max(1, records.length) : BATCH_RECORDS;
    for (let from = 0; from < records.length; from += size) {
      const batch = records.slice(from, from + size);
      const last = batch.at(-1);
      if (!last) break;
      const { id, at, pendingTo } = file.position;
      const to = pendingTo ?? last.end;
      if (!isRepeated) journal.put(file.intend(to));
      const points = batch.map((record) => this.#makePoint(record, file)).filter((point) => point !== undefined);
      if (points.length > 0 && !(await this.#emit(points, `${id}:${at}-${to}`))) return false;
      journal.put(await file.moveTo(last));
    }
    return true;
  }

  /** Waits as long as it takes: a full queue holds the reading up. False when it was stopped first. */
  async #emit(points: readonly Point[], batch: string): Promise<boolean> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      try {
        const isTaken = await orStopped(this.#tools.emit("logging", points, batch), signal);
        if (isTaken) this.#troubles = "";
        return isTaken;
      } catch (error) {
        this.#report(errorText(error));
        await delay(this.#tools.clock, RETRY_MS, signal);
      }
    }
    return false;
  }

  /** Says a trouble once, not on every turn. */
  #report(trouble: string): void {
    if (trouble === this.#troubles) return;
    this.#troubles = trouble;
    this.#tools.reportTrouble(trouble);
  }

  /** Looks at the folders: what is new, what changed, what lost its name. */
  async #look(journal: PositionJournal): Promise<void> {
    const found = await lookAround(this.#options.globs, this.#options.ignore);
    for (const sighting of found.values()) {
      const file = this.#files.get(sighting.key);
      if (!file) await this.#add(sighting, journal);
      else {
        file.path = sighting.path;
        file.isRotated = false;
        file.hasNews ||= sighting.size !== (file.isOpen ? file.offset : file.position.at);
      }
    }
    for (const [key, file] of this.#files) if (!found.has(key)) await this.#lose(file, journal);
    for (const key of this.#doubtful.keys()) if (!found.has(key)) this.#doubtful.delete(key);
  }

  async #add(sighting: Sighting, journal: PositionJournal): Promise<void> {
    const { key, path, size } = sighting;
    try {
      const known = journal.find(key);
      const position = known ? { ...known, path } : await this.#newPosition(sighting, journal);
      if (!position) return;
      if (!known) journal.put(position);
      this.#doubtful.delete(key);
      const file = new TailedFile(position, this.#options, this.#tools.clock.monotonic());
      file.hasNews = size !== position.at;
      this.#files.set(key, file);
    } catch (error) {
      // it went away between the look and the reading, or must not be read: the next look tries again
      this.#report(`${path}: ${errorText(error)}`);
    }
  }

  /**
   * Where a file is read from whose device and inode were never seen. They change when a filesystem is mounted anew or a
   * folder restored: then the path and what the file holds tell that it is the same.
   */
  async #newPosition(sighting: Sighting, journal: PositionJournal): Promise<Position | undefined> {
    const known = journal.findByPath(sighting.path, this.#files);
    const same = known && (await positionInCopy(sighting, [progressOf(known)]));
    if (!same) return this.#firstPosition(sighting);
    journal.forget(known.key);
    return { ...same, bornAs: known.bornAs };
  }

  /** Where a file that was never seen is read from; undefined when the next look shall decide. */
  async #firstPosition(sighting: Sighting): Promise<Position | undefined> {
    const { key, path, modifiedMs } = sighting;
    const isInactive =
      this.#options.ignoreInactiveMs > 0 && this.#tools.clock.now() - modifiedMs > this.#options.ignoreInactiveMs;
    const isOld = this.#isFirstLook && !this.#options.fromBeginning && !this.#wasKnown(path);
    if (isOld || isInactive) return positionAtEnd(sighting);
    const all = [...this.#files.values()].map((file) => file.position);
    const originals = all.filter((original) =>
      [original.path, original.bornAs].some((name) => isNamedAfter(path, name)),
    );
    if (originals.length === 0) return beginningOf(key, path);
    if (!this.#isSettled(sighting)) return undefined;
    const contents = originals.flatMap((original) => [original, original.before]).filter((one) => one !== undefined);
    return (await positionInCopy(sighting, contents.map(progressOf))) ?? beginningOf(key, path);
  }

  #isSettled({ key, size }: Sighting): boolean {
    const before = this.#doubtful.get(key);
    this.#doubtful.set(key, { size, looks: (before?.looks ?? 0) + 1 });
    return before?.size === size || (before?.looks ?? 0) >= COPY_LOOKS;
  }

  /** A file that no pattern names any more. An open one is read to its end; a closed one is looked for first. */
  async #lose(file: TailedFile, journal: PositionJournal): Promise<void> {
    const moved = await findRenamed(file.position);
    file.isRotated = true;
    file.blockedUntilMs = 0;
    file.isUnlinked = file.isOpen && moved === undefined && !(await file.hasName());
    if (moved) file.path = moved.path;
    if (!file.isOpen && (!moved || moved.size <= file.position.at)) await this.#letGo(file, journal);
    else if (!file.isOpen) file.hasNews = true;
  }

  /** Files of the run before that were renamed while nobody looked: the rest of them is still owed. */
  async #findMoved(journal: PositionJournal): Promise<void> {
    for (const position of journal.positions) {
      if (this.#files.has(position.key)) continue;
      const moved = await findRenamed(position);
      if (!moved || moved.size <= position.at) continue;
      const file = new TailedFile({ ...position, path: moved.path }, this.#options, this.#tools.clock.monotonic());
      file.isRotated = true;
      this.#files.set(position.key, file);
    }
  }
}

/** True when the work was done, false when the signal came first; leaves nothing behind on a signal that lives long. */
function orStopped(work: Promise<void>, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const stop = () => resolve(false);
    signal.addEventListener("abort", stop, { once: true });
    work.then(() => resolve(true), reject).finally(() => signal.removeEventListener("abort", stop));
  });
}
