import {
  type CancelTimer,
  type Clock,
  formatDuration,
  type Point,
  type PointCategory,
  type Timestamp,
} from "@muster/core";
import type { InputReport } from "@muster/core/resources";
import { errorText, type Logger } from "../log.ts";
import type { Collector, CollectorKind, CollectorTools } from "./collector.ts";
import type { FaultCatcher } from "./fault-catcher.ts";
import { within } from "./within.ts";

const START_WITHIN_MS = 10_000;
const STOP_WITHIN_MS = 5000;
/** A collection may take its interval, but neither less nor more than this. */
const LEAST_LIMIT_MS = 10_000;
const MOST_LIMIT_MS = 60_000;
/** After its time is over a collection has this long to notice. */
const HANG_GRACE_MS = 5000;
const RESTART_MIN_MS = 1000;
const RESTART_MAX_MS = 60_000;
/** A configuration has proven itself after so many collections, or after this long when it collects rarely or by itself. */
const PROVEN_AFTER = 3;
const PROVEN_AFTER_MS = 60_000;

/** A validated `[[inputs.<name>]]` block: what to run. */
export interface BlockPlan {
  readonly kind: CollectorKind;
  /** Of the kind and the meaning of everything in the block: equal ones would collect the same twice. */
  readonly digest: string;
  /** As the kind's schema gave them. */
  readonly options: unknown;
  readonly intervalMs: number;
  /** Of the configuration; they win over the tags that points bring. */
  readonly tags: Readonly<Record<string, string>>;
}

/** What a block runs in. The callbacks are called from anywhere, but never from inside a call into the block. */
export interface BlockHost {
  readonly clock: Clock;
  readonly log: Logger;
  readonly hostname: string;
  readonly faults: FaultCatcher;
  stateDir(): string;
  /** `batch` names the points among those of this block. */
  emit(category: PointCategory, points: readonly Point[], batch?: string): Promise<void>;
  listInputs(): readonly InputReport[];
  /** What the inventory tells has changed. */
  onChange(): void;
  /** It crashed, and will be tried again unless it is stopped. */
  onFailure(reason: string): void;
  /** It has worked for a while: its configuration can be relied on. */
  onProven(): void;
}

export interface FirstCollections {
  /** Until the first one. */
  readonly firstInMs: number;
  /** When the second is due on the clock's monotonic time, so that a replaced block keeps its beat; default: an interval later. */
  readonly nextAt?: number | undefined;
}

/** One life of a collector, from its start to a crash or to its end. */
interface Life {
  readonly startedAt: number;
  collector: Collector;
  /** It has crashed or was stopped: what it still does is not looked at. */
  isOver: boolean;
  /** Its points are no longer taken. */
  isClosed: boolean;
  collecting: Promise<void> | undefined;
  abort: AbortController | undefined;
}

/**
 * Keeps one block running: collects at its interval without overlap, ends what takes too long, and starts a crashed
 * collector again, after 1 s at first and up to a minute when it goes on crashing.
 */
export class BlockRun {
  readonly plan: BlockPlan;
  readonly #host: BlockHost;
  readonly #first = Promise.withResolvers<void>();
  #life: Life | undefined;
  #isStopped = false;
  #isProven = false;
  #cancelTick: CancelTimer | undefined;
  #cancelRestart: CancelTimer | undefined;
  #cancelProof: CancelTimer | undefined;
  #nextAt = 0;
  #crashes = 0;
  #collections = 0;
  #error: string | null = null;
  #trouble: string | null = null;
  #points = 0;
  #lastPointAt: Timestamp | null = null;

  constructor(plan: BlockPlan, host: BlockHost) {
    this.plan = plan;
    this.#host = host;
  }

  /** Why it does not run; null when it does. */
  get error(): string | null {
    return this.#error;
  }

  /** What the collector says is wrong although it runs. */
  get trouble(): string | null {
    return this.#trouble;
  }

  get points(): number {
    return this.#points;
  }

  get lastPointAt(): Timestamp | null {
    return this.#lastPointAt;
  }

  get isProven(): boolean {
    return this.#isProven;
  }

  /** True when it runs and, where it collects at an interval, has done so. */
  get hasWorked(): boolean {
    return this.#error === null && (this.#collections > 0 || !this.#life?.collector.collect);
  }

  /** When the next collection is due, on the clock's monotonic time. */
  get nextAt(): number {
    return this.#nextAt;
  }

  /** Resolves when the first collection has ended in whatever way; at once for collectors that work by themselves. */
  get firstCollected(): Promise<void> {
    return this.#first.promise;
  }

  /** Starts the collector and waits until it runs. Throws what it throws, and then nothing is left of it. */
  async open(): Promise<void> {
    this.#life = await this.#createLife();
  }

  /** Undoes `open`; it may be opened again. */
  async close(): Promise<void> {
    await this.#end(this.#life);
    this.#life = undefined;
  }

  /** Lets an opened block collect. */
  begin(first: FirstCollections): void {
    this.#nextAt = this.#host.clock.monotonic() + first.firstInMs;
    this.#cancelProof = this.#host.clock.after(PROVEN_AFTER_MS, () => this.#proveByTime());
    const { nextAt } = first;
    this.#collectFrom(nextAt);
  }

  /** Starts and collects; a start that fails is a crash like any other. */
  launch(first: FirstCollections): void {
    void this.open().then(
      () => {
        if (this.#isStopped) return void this.#end(this.#life);
        this.begin(first);
      },
      (error: unknown) => this.#crash(undefined, errorText(error)),
    );
  }

  /** Tries a crashed collector again now instead of later. */
  retryNow(): void {
    if (this.#cancelRestart) this.#restart();
  }

  /** Ends it: a collection that is under way may finish within `graceMs`. Never throws. */
  async stop(graceMs: number): Promise<void> {
    if (this.#isStopped) return;
    this.#isStopped = true;
    this.#cancelTick?.();
    this.#cancelRestart?.();
    this.#cancelProof?.();
    this.#first.resolve();
    const life = this.#life;
    if (!life) return;
    await within(this.#host.clock, graceMs, life.collecting);
    await this.#end(life);
  }

  async #createLife(): Promise<Life> {
    const { clock, faults } = this.#host;
    const { kind, options, intervalMs } = this.plan;
    const life: Life = {
      startedAt: clock.monotonic(),
      collector: {},
      isOver: false,
      isClosed: false,
      collecting: undefined,
      abort: undefined,
    };
    const onFault = (error: unknown) => this.#crash(life, errorText(error));
    try {
      const tools = { ...this.#toolsOf(life), intervalMs };
      life.collector = faults.run(onFault, () => kind.create(options, tools));
      const starting = faults.run(onFault, async () => life.collector.start?.());
      if ((await within(clock, START_WITHIN_MS, starting)) === "late") {
        throw new Error(`it did not start within ${formatDuration(START_WITHIN_MS)}`);
      }
      if (life.isOver) throw new Error(this.#error ?? "it failed while it started");
    } catch (error) {
      await this.#end(life);
      throw error;
    }
    return life;
  }

  #toolsOf(life: Life): CollectorTools {
    const { clock, log, hostname } = this.#host;
    return {
      clock,
      log,
      hostname,
      stateDir: () => this.#host.stateDir(),
      listInputs: () => this.#host.listInputs(),
      emit: async (category, points, batch) => {
        if (life.isClosed || points.length === 0) return;
        await this.#host.emit(category, points, batch);
        this.#count(points.length);
      },
      reportTrouble: (message) => {
        if (!life.isClosed) this.#setTrouble(message);
      },
    };
  }

  #count(points: number): void {
    const isFirst = this.#points === 0;
    this.#points += points;
    this.#lastPointAt = this.#host.clock.now();
    if (this.#trouble !== null) this.#setTrouble(null);
    else if (isFirst) this.#host.onChange();
  }

  #setTrouble(message: string | null): void {
    if (message === this.#trouble) return;
    this.#trouble = message;
    this.#host.onChange();
  }

  /** Collects when `#nextAt` has come, and from then on. */
  #collectFrom(second?: number): void {
    const life = this.#life;
    if (!life?.collector.collect) {
      this.#first.resolve();
      return;
    }
    const tick = (next: number | undefined) => {
      this.#nextAt = next ?? this.#afterNow(this.#nextAt + this.plan.intervalMs);
      arm(undefined);
      // one that still runs is not hurried: the next turn is its own
      if (!life.collecting) life.collecting = this.#collect(life).finally(() => (life.collecting = undefined));
    };
    const arm = (next: number | undefined) => {
      const waitMs = Math.max(0, this.#nextAt - this.#host.clock.monotonic());
      this.#cancelTick = this.#host.clock.after(waitMs, () => tick(next));
    };
    arm(second);
  }

  /** Turns that were missed, because the process was stopped for one, are left out. */
  #afterNow(due: number): number {
    const missed = Math.ceil((this.#host.clock.monotonic() - due) / this.plan.intervalMs);
    return missed > 0 ? due + missed * this.plan.intervalMs : due;
  }

  async #collect(life: Life): Promise<void> {
    const { clock, faults } = this.#host;
    const limitMs = Math.min(Math.max(this.plan.intervalMs, LEAST_LIMIT_MS), MOST_LIMIT_MS);
    const tooLong = `the collection took longer than ${formatDuration(limitMs)}`;
    const abort = new AbortController();
    life.abort = abort;
    let cancelHang: CancelTimer | undefined;
    let isLate = false;
    const cancelLimit = clock.after(limitMs, () => {
      isLate = true;
      abort.abort(new Error(tooLong));
      cancelHang = clock.after(HANG_GRACE_MS, () => this.#setError(`${tooLong} and cannot be ended`));
    });
    try {
      const onFault = (error: unknown) => this.#crash(life, errorText(error));
      await faults.run(onFault, async () => life.collector.collect?.(abort.signal));
      if (!life.isOver) this.#succeed();
    } catch (error) {
      this.#crash(life, isLate ? tooLong : errorText(error));
    } finally {
      cancelLimit();
      cancelHang?.();
    }
  }

  #succeed(): void {
    this.#crashes = 0;
    this.#collections += 1;
    this.#setError(null);
    this.#first.resolve();
    if (this.#collections >= PROVEN_AFTER) this.#prove();
  }

  #proveByTime(): void {
    if (this.hasWorked) this.#prove();
  }

  #prove(): void {
    if (this.#isProven) return;
    this.#isProven = true;
    this.#cancelProof?.();
    this.#host.onProven();
  }

  /** A life has ended badly, or could not begin: reported, cleared away and tried again later. */
  #crash(life: Life | undefined, reason: string): void {
    if (this.#isStopped || life?.isOver) return;
    if (life) life.isOver = true;
    const isStarting = life !== undefined && life !== this.#life;
    if (isStarting) {
      this.#error = reason; // open() is waiting for it and will throw it
      return;
    }
    this.#cancelTick?.();
    if (life && this.#host.clock.monotonic() - life.startedAt > PROVEN_AFTER_MS) this.#crashes = 0;
    const waitMs = Math.min(RESTART_MAX_MS, RESTART_MIN_MS * 2 ** Math.min(this.#crashes, 10));
    this.#crashes += 1;
    this.#host.log.warn("input failed", { input: this.plan.kind.name, reason, waitMs });
    this.#setError(reason);
    this.#first.resolve();
    void this.#end(life).then(() => {
      if (this.#isStopped) return;
      this.#cancelRestart = this.#host.clock.after(waitMs, () => this.#restart());
    });
    this.#host.onFailure(reason);
  }

  #restart(): void {
    this.#cancelRestart?.();
    this.#cancelRestart = undefined;
    this.#life = undefined;
    void this.open().then(
      () => {
        if (this.#isStopped) return void this.#end(this.#life);
        if (!this.#life?.collector.collect) this.#setError(null);
        this.#nextAt = this.#host.clock.monotonic();
        this.#collectFrom();
      },
      (error: unknown) => this.#crash(undefined, errorText(error)),
    );
  }

  /** Lets a collector go. One whose collection cannot be ended is waited for, so that two never run side by side. */
  async #end(life: Life | undefined): Promise<void> {
    if (!life || life.isClosed) return;
    life.isOver = true;
    life.abort?.abort(new Error("it was stopped"));
    await (this.#isStopped ? within(this.#host.clock, STOP_WITHIN_MS, life.collecting) : life.collecting);
    const { faults, log, clock } = this.#host;
    const ignore = (error: unknown) => log.debug("input failed while it stopped", { reason: errorText(error) });
    await within(clock, STOP_WITHIN_MS, faults.run(ignore, async () => life.collector.stop?.()).catch(ignore));
    life.isClosed = true;
  }

  #setError(reason: string | null): void {
    if (reason === this.#error) return;
    this.#error = reason;
    this.#host.onChange();
  }
}
