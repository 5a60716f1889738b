// An agent whose server cannot be reached, on a clock that is pushed: offline-agent.ts <data folder> <hours> <rows>.
// Prints its memory as one JSON line per row.
import { createHash } from "node:crypto";
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { createLogger, loadAgentConfig, saveMemory, startAgent } from "@muster/agent";
import { ManualClock } from "@muster/testing";
import { readMemory } from "../support/proc.ts";

const STEP_MS = 3000;
const HOUR_MS = 3_600_000;

saveMemory(); // as the program that ships does
const [folder = "", hours = "48", rows = "6"] = process.argv.slice(2);
const clock = new ManualClock();
const { config } = await loadAgentConfig({
  // nobody listens on the discard port
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
await startAgent({ config, clock, log, random: makeRandom(), environment: {} });
for (let hour = 1; hour <= Number(hours); hour++) {
  await advanceOneHour();
  collectGarbage();
  if (hour !== 1 && hour % (Number(hours) / Number(rows)) !== 0) continue;
  const { total, anonymous } = readMemory(process.pid);
  const { heapUsed } = process.memoryUsage();
  console.log(JSON.stringify({ hour, rss: total, anonymous, heapUsed, onDisk: sizeOf(folder), lines }));
}
process.exit(0);

async function advanceOneHour(): Promise<void> {
  for (let at = 0; at < HOUR_MS; at += STEP_MS) {
    clock.advance(STEP_MS);
    // attempts to connect are real and end by themselves: they get a turn
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
  await new Promise<void>((resolve) => setTimeout(resolve, 50));
}

/** What was garbage must not look like growth: in a real hour V8 is idle often enough to collect it, in half a second never. */
function collectGarbage(): void {
  setFlagsFromString("--expose-gc");
  const collect: unknown = runInNewContext("gc");
  if (typeof collect === "function") collect();
}

function sizeOf(path: string): number {
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0);
}

/** The same jitter in every run. */
function makeRandom(): () => number {
  let serial = 0;
  return () => createHash("sha256").update(String(serial++)).digest().readUInt32LE() / 2 ** 32;
}
