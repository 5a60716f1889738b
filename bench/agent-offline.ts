import { createHash } from "node:crypto";
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { ManualClock, makeTempDir } from "@muster/testing";
import { startAgent } from "../packages/agent/src/agent.ts";
import { loadAgentConfig } from "../packages/agent/src/config.ts";
import { createLogger } from "../packages/agent/src/log.ts";
import { formatMib } from "./support/numbers.ts";
import { readMemory } from "./support/proc.ts";
import type { Suite } from "./support/suite.ts";

const STEP_MS = 3000;
const HOUR_MS = 3_600_000;

/** Two days with the server unreachable, on a clock that is pushed: does the agent's memory stay where it was? */
export const agentOffline: Suite = {
  title: "The agent's memory while its server is away",
  async run(context) {
    const hours = context.quick ? 6 : 48;
    const folder = await makeTempDir(context.scope);
    const clock = new ManualClock();
    const { config } = await loadAgentConfig({
      // nobody listens on the discard port of the loopback address
      argv: [
        "--server",
        "http://127.0.0.1:9",
        "--server",
        "http://127.0.0.2:9",
        "--token",
        "tkn_bench",
        "--id",
        "bench",
        "--data-dir",
        folder,
      ],
      environment: {},
    });
    let lines = 0;
    const log = createLogger({ level: "info", clock, write: () => lines++ });
    const agent = await startAgent({ config, clock, log, random: makeRandom(), environment: {} });
    const rows: string[][] = [];
    let first = 0;
    for (let hour = 0; hour <= hours; hour++) {
      if (hour > 0) await advanceOneHour(clock);
      const isShown = hour === 1 || hour % (hours / 6) === 0;
      if (!isShown) continue;
      const memory = settledMemory();
      if (hour === 1) first = memory.total;
      const growth = hour === 0 ? "–" : formatMib(memory.total - first);
      const heap = formatMib(process.memoryUsage().heapUsed);
      rows.push([
        `${hour} h`,
        formatMib(memory.total),
        growth,
        formatMib(memory.anonymous),
        heap,
        formatMib(sizeOf(folder)),
      ]);
      context.say(`${hour} h of ${hours}`);
    }
    await stopOnManualClock(agent.stop(), clock);
    return {
      tables: [
        {
          title: "Server unreachable",
          columns: ["after", "RSS", "since the first hour", "anonymous", "heap", "on disk"],
          rows,
        },
      ],
      notes: [
        `The agent's own sources in this process under a manual clock: a beat in 10 s, each averaged into the ring on disk; two unreachable servers tried in turn with backoff; ${lines} log lines.`,
        "Two days pass in a minute, so garbage comes a thousand times faster than in life: V8 lets its young generation grow once, by about 16 MB, and keeps it. The heap after a collection is what tells whether anything is held. Attempts to connect are real.",
      ],
    };
  },
};

async function advanceOneHour(clock: ManualClock): Promise<void> {
  for (let at = 0; at < HOUR_MS; at += STEP_MS) {
    clock.advance(STEP_MS);
    // connection attempts are real and end by themselves: give them a turn
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
  await new Promise<void>((resolve) => setTimeout(resolve, 50));
}

function settledMemory() {
  collectGarbage();
  return readMemory(process.pid);
}

/** What was garbage must not look like growth. */
function collectGarbage(): void {
  setFlagsFromString("--expose-gc");
  const collect: unknown = runInNewContext("gc");
  if (typeof collect === "function") collect();
}

function sizeOf(folder: string): number {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0);
}

/** The same jitter in every run. */
function makeRandom(): () => number {
  let serial = 0;
  return () => createHash("sha256").update(String(serial++)).digest().readUInt32LE() / 2 ** 32;
}

async function stopOnManualClock(stopped: Promise<void>, clock: ManualClock): Promise<void> {
  let isOver = false;
  void stopped.then(() => {
    isOver = true;
  });
  while (!isOver) await clock.advanceAndSettle(100);
}
