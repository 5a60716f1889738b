import type { Point } from "@muster/core";
import { delay } from "@muster/core";
import { errorText } from "../../../../log.ts";
import type { KindTools } from "../../shared/kind.ts";
import type { LogRecord } from "./lines.ts";
import { PositionJournal, progressOf } from "./positions.ts";
import type { Reading, TailedFile } from "./tailed-file.ts";
import { Watchlist, type WatchOptions } from "./watchlist.ts";

export interface TailOptions extends WatchOptions {
  readonly maxOpenFiles: number;
  /** An unfinished record is complete when nothing came for so long. */
  readonly recordTimeoutMs: number;
}

interface Opened {
  readonly journal: PositionJournal;
  readonly watchlist: Watchlist;
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

/** Follows files: finds them, reads each in its turn, hands records over and only then moves positions. */
export class Tail {
  readonly #options: TailOptions;
  readonly #tools: KindTools;
  readonly #makePoint: MakePoint;
  readonly #buffer = Buffer.allocUnsafe(PIECE_BYTES);
  readonly #stopping = new AbortController();
  #opened: Opened | undefined;
  #running: Promise<void> = Promise.resolve();
  #troubles = "";

  constructor(options: TailOptions, tools: KindTools, makePoint: MakePoint) {
    this.#options = options;
    this.#tools = tools;
    this.#makePoint = makePoint;
  }

  /** Opens the journal and takes the first look, so that what is written from now on counts as new. */
  async start(): Promise<void> {
    const { clock, stateDir } = this.#tools;
    const journal = await PositionJournal.open(stateDir());
    const watchlist = new Watchlist(this.#options, { clock, journal, report: (trouble) => this.#report(trouble) });
    this.#opened = { journal, watchlist };
    await watchlist.begin();
    this.#running = this.#run(this.#opened);
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
    const opened = this.#opened;
    this.#opened = undefined;
    await opened?.watchlist.close();
    await opened?.journal.close();
  }

  async #run(opened: Opened): Promise<void> {
    const { clock, log } = this.#tools;
    const { signal } = this.#stopping;
    let lookAtMs = clock.monotonic() + SCAN_MS;
    let syncAtMs = clock.monotonic() + SYNC_MS;
    while (!signal.aborted) {
      try {
        const startedMs = clock.monotonic();
        if (startedMs >= lookAtMs) {
          await opened.watchlist.look();
          // patterns over huge folders must not fill the time
          lookAtMs = startedMs + Math.max(SCAN_MS, 10 * (clock.monotonic() - startedMs));
        }
        const isBusy = await this.#readAll(opened);
        if (clock.monotonic() >= syncAtMs) {
          await opened.journal.sync();
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
  async #readAll(opened: Opened): Promise<boolean> {
    let isBusy = false;
    const troubles: string[] = [];
    for (const file of opened.watchlist.files) {
      if (this.#stopping.signal.aborted) return false;
      if (!this.#wantsTurn(file)) continue;
      try {
        if (await this.#turn(file, opened)) isBusy = true;
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
  async #turn(file: TailedFile, { journal, watchlist }: Opened): Promise<boolean> {
    const { id } = file.position;
    if (!file.isOpen) {
      if (!(await this.#makeRoom(watchlist))) return false;
      await file.open();
    }
    const reading = await file.read(this.#buffer, this.#tools.clock.monotonic());
    const { before, bornAs } = file.position;
    // first, since a crash after the next position would leave nobody who knows of the copy
    if (file.position.id !== id && before) await watchlist.findCopy(bornAs, before);
    const complete = await this.#completeRecords(file, reading, watchlist);
    const isDone = await this.#handOver(file, complete, journal);
    file.endReading();
    if (reading.isAtEnd && isDone && this.#isOver(file)) await watchlist.letGo(file);
    return !reading.isAtEnd && isDone;
  }

  /** Those of a reading, and what nobody will complete any more. */
  async #completeRecords(file: TailedFile, reading: Reading, watchlist: Watchlist): Promise<readonly LogRecord[]> {
    const { position } = file;
    if (reading.isTruncated) {
      // a copy tells the line that had begun, and the rest of it
      return (await watchlist.findCopy(position.bornAs, progressOf(position))) ? [] : file.finish();
    }
    if (!reading.isAtEnd) return reading.records;
    if (this.#isOver(file)) return file.finish();
    const idleMs = this.#tools.clock.monotonic() - file.lastReadMs;
    return idleMs >= this.#options.recordTimeoutMs ? file.finishRecord() : [];
  }

  /** Read to its end, and nothing will be added. */
  #isOver(file: TailedFile): boolean {
    const idleMs = this.#tools.clock.monotonic() - file.lastReadMs;
    return file.isUnlinked || (file.isRotated && idleMs >= ROTATED_MS);
  }

  /** Closes the file that was silent longest when no other may be opened; false when all of them are being read. */
  async #makeRoom(watchlist: Watchlist): Promise<boolean> {
    const open = watchlist.files.filter((file) => file.isOpen);
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
}

/** True when the work was done, false when the signal came first; leaves nothing behind on a signal that lives long. */
function orStopped(work: Promise<void>, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const stop = () => resolve(false);
    signal.addEventListener("abort", stop, { once: true });
    work.then(() => resolve(true), reject).finally(() => signal.removeEventListener("abort", stop));
  });
}
