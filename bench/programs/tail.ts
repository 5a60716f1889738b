// Follows one file from its start with the agent's collector `logging` and tells how fast. Arguments: file, folder for the state, bytes.
import { statSync } from "node:fs";
import { COLLECTOR_KINDS } from "@muster/agent/kinds";
import { systemClock } from "@muster/core";
import * as z from "zod/mini";

const [file = "", stateDir = ""] = process.argv.slice(2);
const size = statSync(file).size;
const kind = COLLECTOR_KINDS.find(({ name }) => name === "logging");
if (!kind) throw new Error("there is no collector named logging");

const quiet = () => {};
let records = 0;
let through = 0;
const rss: number[] = [];
let finish = quiet;
const finished = new Promise<void>((resolve) => {
  finish = resolve;
});

const wanted = { logfiles: [file], from_beginning: true, ignore_dead_log: "0" };
const collector = kind.create(z.parse(kind.options, wanted), {
  clock: systemClock,
  log: { debug: quiet, info: quiet, warn: quiet, error: quiet },
  hostname: "bench",
  intervalMs: 1000,
  stateDir: () => stateDir,
  async emit(_category, points) {
    records += points.length;
    through = Number(points.at(-1)?.fields.log_read_offset);
    if (through >= size) finish();
  },
  reportTrouble: (message) => process.stderr.write(`${message}\n`),
});

const before = process.cpuUsage();
const startedAt = performance.now();
const steps = setInterval(() => rss.push(process.memoryUsage.rss()), 100);
await collector.start?.();
await finished;
const seconds = (performance.now() - startedAt) / 1000;
clearInterval(steps);
const cpu = process.cpuUsage(before);
rss.push(process.memoryUsage.rss());
await collector.stop?.();
const cpuSeconds = (cpu.user + cpu.system) / 1e6;
process.stdout.write(`${JSON.stringify({ records, bytes: through, seconds, cpuSeconds, rss })}\n`);
process.exit(0);
