import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Clock, delay, type Point } from "@muster/core";
import { encodeLines } from "@muster/protocols/points";
import type { Logger } from "../log.ts";
import { type BlockPlan, BlockRun } from "./block-run.ts";
import { FaultCatcher } from "./fault-catcher.ts";
import { addTags } from "./point-tags.ts";
import { refuse } from "./refusal.ts";
import { within } from "./within.ts";

const COLLECT_WITHIN_MS = 8000;
/** Rates need two readings, and what comes by itself needs a moment. */
const SECOND_AFTER_MS = 1000;
const WAIT_FOR_POINTS_MS = 2500;
const MAX_BLOCKS = 10;
const MAX_OUTPUT_BYTES = 200 * 1024;

export interface TrialOptions {
  readonly clock: Clock;
  readonly log: Logger;
  readonly hostname: string;
  readonly globalTags: Readonly<Record<string, string>>;
}

/** Lets blocks collect once, in a folder that is thrown away. Returns line protocol; throws `invalidConfig` with the reason. */
export async function tryBlocks(blocks: readonly BlockPlan[], options: TrialOptions): Promise<string> {
  const faults = new FaultCatcher();
  const release = faults.hold();
  const folder = mkdtempSync(join(tmpdir(), "muster-trial-"));
  try {
    const tried = blocks.slice(0, MAX_BLOCKS).map((plan, index) => {
      return tryBlock(plan, { ...options, faults, folder: join(folder, String(index)) });
    });
    return cut((await Promise.all(tried)).join(""));
  } finally {
    release();
    rmSync(folder, { recursive: true, force: true });
  }
}

interface BlockTrial extends TrialOptions {
  readonly faults: FaultCatcher;
  readonly folder: string;
}

async function tryBlock(plan: BlockPlan, trial: BlockTrial): Promise<string> {
  const { clock, log, hostname, faults, folder, globalTags } = trial;
  let lines = "";
  const hasPoints = Promise.withResolvers<void>();
  const run = new BlockRun(plan, {
    clock,
    log,
    hostname,
    faults,
    stateDir: () => folder,
    listInputs: () => [],
    async emit(_category, points: readonly Point[]) {
      if (lines.length < MAX_OUTPUT_BYTES) {
        lines += encodeLines(addTags(points, { configured: plan.tags, global: globalTags }));
      }
      hasPoints.resolve();
    },
    onChange: () => {},
    onFailure: () => hasPoints.resolve(),
    onProven: () => {},
  });
  try {
    await run.open();
    run.begin({ firstInMs: 0, nextAt: clock.monotonic() + SECOND_AFTER_MS });
    const first = await within(clock, COLLECT_WITHIN_MS, run.firstCollected);
    if (first === "late") throw new Error("it did not collect in time");
    const isSilent = lines === "" && run.error === null && run.trouble === null;
    if (isSilent) await Promise.race([hasPoints.promise, delay(clock, WAIT_FOR_POINTS_MS)]);
  } catch (error) {
    throw refuse("invalidConfig", error instanceof Error ? error.message : String(error));
  } finally {
    await run.stop(1000);
  }
  const reason = run.error ?? (lines === "" ? run.trouble : null);
  if (reason !== null) throw refuse("invalidConfig", reason);
  return lines;
}

/** Whole lines only. */
function cut(lines: string): string {
  if (lines.length <= MAX_OUTPUT_BYTES) return lines;
  return lines.slice(0, lines.lastIndexOf("\n", MAX_OUTPUT_BYTES) + 1);
}
