import { createHash } from "node:crypto";
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
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
      rows.push([`${hour} h`, formatMib(memory.total), formatMib(memory.anonymous), growth, formatMib(sizeOf(folder))]);
      context.say(`${hour} h of ${hours}`);
    }
    await stopOnManualClock(agent.stop(), clock);
    return {
      tables: [
        {
          title: "Server unreachable",
          columns: ["after", "RSS", "anonymous", "since the first hour", "on disk"],
          rows,
        },
      ],
      notes: [
        `The agent's own sources in this process under a manual clock: a beat in 10 s, each averaged into the ring on disk; two unreachable servers tried in turn with backoff; ${lines} log lines.`,
        "The first hour is the base, since it loads and compiles what a long absence uses. The sockets' attempts are real, so each is waited for.",
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
  globalThis.gc?.();
  return readMemory(process.pid);
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
