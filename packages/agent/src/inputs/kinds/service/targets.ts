import type { Point, PointCategory } from "@muster/core";
import type { KindTools } from "../shared/kind.ts";
import { describeFailure } from "./failure.ts";

/** How many of a block's targets are read at the same time. */
const AT_ONCE = 20;
/** Troubles told of in one message. */
const TOLD = 5;

export interface TargetReading<Target> {
  readonly targets: readonly Target[];
  /** How a target is called in messages. */
  readonly place: (target: Target) => string;
  readonly read: (target: Target) => Promise<readonly Point[]>;
  readonly secrets?: readonly string[];
  /** Default `metric`. */
  readonly category?: PointCategory;
  /** What `read` had to say although it read; told with the failures. */
  readonly troubles?: string[];
}

/**
 * Reads all targets of a block, a few at a time, and emits what came. Those that could not be read become the block's
 * trouble and keep nobody from being read; troubles of before are forgotten.
 */
export async function readTargets<Target>(tools: KindTools, reading: TargetReading<Target>): Promise<void> {
  const troubles = reading.troubles ?? [];
  const points: Point[] = [];
  await forEachFew(reading.targets, async (target) => {
    try {
      for (const point of await reading.read(target)) points.push(point);
    } catch (error) {
      troubles.push(describeFailure(error, reading.place(target), reading.secrets));
    }
  });
  if (points.length > 0) await tools.emit(reading.category ?? "metric", points);
  tools.reportTrouble(troubles.length === 0 ? null : joinTroubles(troubles));
}

/** One line of several, without repetitions. */
export function joinTroubles(troubles: readonly string[]): string {
  const told = [...new Set(troubles)];
  const more = told.length - TOLD;
  return `${told.slice(0, TOLD).join("; ")}${more > 0 ? `; and ${more} more` : ""}`;
}

/** Does a task for every item, a few at a time, in order. */
export async function forEachFew<Item>(items: readonly Item[], task: (item: Item) => Promise<void>): Promise<void> {
  const waiting = items.values();
  const worker = async () => {
    for (const item of waiting) await task(item);
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, items.length) }, worker));
}
