import type { Clock } from "@muster/core";
import type { BlockHost, BlockPlan } from "./block-run.ts";
import { BlockRun } from "./block-run.ts";
import { within } from "./within.ts";

/** First collections of several blocks are spread over this much at most. */
const SPREAD_MS = 10_000;

/** Told about a run as a whole. */
export interface InputRunListener {
  onChange(): void;
  /** A block crashed before the text had proven itself. */
  onUnproven(run: InputRun, reason: string): void;
  /** Every block has worked for a while. */
  onProven(run: InputRun): void;
}

export interface InputRunOptions {
  /** The text that the blocks come from. */
  readonly text: string;
  readonly blocks: readonly BlockPlan[];
  /** What a block runs in; `ordinal` counts blocks of one kind. */
  readonly hostOf: (plan: BlockPlan, ordinal: number) => Omit<BlockHost, "onChange" | "onFailure" | "onProven">;
  readonly clock: Clock;
  readonly random: () => number;
  readonly listener: InputRunListener;
}

/** The blocks of one text, running together. */
export class InputRun {
  readonly text: string;
  readonly #options: InputRunOptions;
  readonly #blocks: readonly BlockRun[];
  #failedEarly: string | undefined;

  constructor(options: InputRunOptions) {
    this.#options = options;
    this.text = options.text;
    const { blocks, hostOf, listener } = options;
    const ordinals = new Map<string, number>();
    this.#blocks = blocks.map((plan) => {
      const ordinal = ordinals.get(plan.kind.name) ?? 0;
      ordinals.set(plan.kind.name, ordinal + 1);
      return new BlockRun(plan, {
        ...hostOf(plan, ordinal),
        onChange: () => listener.onChange(),
        onFailure: (reason) => {
          if (this.isProven) return;
          this.#failedEarly ??= reason;
          listener.onUnproven(this, reason);
        },
        onProven: () => {
          if (this.isProven) listener.onProven(this);
        },
      });
    });
  }

  get plans(): readonly BlockPlan[] {
    return this.#options.blocks;
  }

  /** Why not all of it runs. */
  get error(): string | null {
    return this.#blocks.map((block) => block.error).find((error) => error !== null) ?? null;
  }

  get trouble(): string | null {
    return this.#blocks.map((block) => block.trouble).find((trouble) => trouble !== null) ?? null;
  }

  get points(): number {
    return this.#blocks.reduce((sum, block) => sum + block.points, 0);
  }

  get lastPointAt(): number | null {
    const instants = this.#blocks.map((block) => block.lastPointAt).filter((at) => at !== null);
    return instants.length === 0 ? null : Math.max(...instants);
  }

  get isProven(): boolean {
    return this.#blocks.every((block) => block.isProven);
  }

  /** True when it collects right now, though it may be too young to have proven itself. */
  get hasWorked(): boolean {
    return this.#blocks.every((block) => block.hasWorked);
  }

  /** Why it failed before it had proven itself. */
  get failedEarly(): string | undefined {
    return this.#failedEarly;
  }

  /** True when two of it cannot run side by side. */
  get isExclusive(): boolean {
    return this.plans.some((plan) => plan.kind.exclusive === true);
  }

  /** Starts every collector. Throws the first failure, and then none is left running. */
  async open(): Promise<void> {
    for (const [index, block] of this.#blocks.entries()) {
      try {
        await block.open();
      } catch (error) {
        await Promise.all(this.#blocks.slice(0, index).map((opened) => opened.close()));
        throw error;
      }
    }
  }

  /** Lets everything collect at once, and goes on in the beat of the run that it replaces. */
  begin(before?: InputRun): void {
    for (const [index, block] of this.#blocks.entries()) {
      const earlier = before ? before.#blocks[index] : undefined;
      const isSame =
        earlier?.plan.kind.name === block.plan.kind.name && earlier.plan.intervalMs === block.plan.intervalMs;
      block.begin({ firstInMs: 0, nextAt: isSame ? earlier.nextAt : undefined });
    }
  }

  /** Starts everything at moments of its own; what fails is tried again. */
  launch(): void {
    const { random } = this.#options;
    for (const block of this.#blocks) {
      block.launch({ firstInMs: random() * Math.min(SPREAD_MS, block.plan.intervalMs) });
    }
  }

  retryNow(): void {
    for (const block of this.#blocks) block.retryNow();
  }

  /** Resolves when every block has tried to collect, or after `ms`. */
  async waitForFirst(ms: number): Promise<void> {
    await within(this.#options.clock, ms, Promise.all(this.#blocks.map((block) => block.firstCollected)));
  }

  /** Ends everything; collections under way may finish within `graceMs`. Never throws. */
  async stop(graceMs: number): Promise<void> {
    await Promise.all(this.#blocks.map((block) => block.stop(graceMs)));
  }
}
