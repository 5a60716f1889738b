// A process that disk-queue.test.ts kills: takes steps as fast as it can and says after each what is safe now.
import { writeSync } from "node:fs";
import { systemClock } from "@muster/core";
import { DiskQueue } from "./disk-queue.ts";
import { makeStep } from "./step-for-test.ts";

const [folder = "", start = "0", until] = process.argv.slice(2);
process.on("SIGXFSZ", () => {}); // a limit on files is an error like any other
const { agent } = makeStep({});
const queue = await DiskQueue.open({ folder, maxBytes: 64 * 1024 * 1024, clock: systemClock });

for (let next = Number(start); ; next += 10) {
  const steps = Array.from({ length: 10 }, (_, index) =>
    makeStep({ agent, at: (next + index) * 10_000, avg: { "system.uptime": next + index } }),
  );
  await queue.append(steps);
  if (until !== undefined && queue.losses.disk > 0) {
    writeSync(1, `lost ${queue.losses.disk}\n`);
    process.exit(0);
  }
  writeSync(1, `taken ${next + 10}\n`);
  if (next % 30 !== 0) continue;
  const batch = await queue.peek(20);
  if (!batch) continue;
  await queue.confirm(batch);
  writeSync(1, `confirmed ${(batch.steps.at(-1)?.at ?? 0) / 10_000 + 1}\n`);
}
