import type { Command, RunCounts } from "@muster/core/resources";
import { formatElapsed } from "../terminal/format.ts";

const BAR_WIDTH = 20;

/** One line that says how far a command is: a bar, counts that are not zero, and the time. */
export function progressLine(command: Command, elapsedMs: number): string {
  const done = command.total - unfinished(command.counts);
  const filled = command.total === 0 ? 0 : Math.floor((done / command.total) * BAR_WIDTH);
  const bar = `[${"#".repeat(filled)}${"-".repeat(BAR_WIDTH - filled)}]`;
  return [`${bar} ${done}/${command.total}`, ...countWords(command.counts), formatElapsed(elapsedMs)].join(" · ");
}

/** "3 failed", "25 running": what is neither zero nor the good case. */
function countWords(counts: RunCounts): string[] {
  const words: [number, string][] = [
    [counts.failed, "failed"],
    [counts.timed_out, "timed out"],
    [counts.rejected, "rejected"],
    [counts.unknown, "unknown"],
    [counts.expired, "expired"],
    [counts.cancelled, "cancelled"],
    [counts.started, "running"],
    [counts.queued + counts.delivered, "waiting"],
  ];
  return words.filter(([count]) => count > 0).map(([count, word]) => `${count} ${word}`);
}

export function unfinished(counts: RunCounts): number {
  return counts.queued + counts.delivered + counts.started;
}

/** "40 agents: 37 succeeded · 1 failed · 2 timed out". */
export function totalLine(command: Command): string {
  const agents = `${command.total} agent${command.total === 1 ? "" : "s"}`;
  return `${agents}: ${[`${command.counts.succeeded} succeeded`, ...countWords(command.counts)].join(" · ")}`;
}
