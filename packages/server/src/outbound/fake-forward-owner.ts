// A process that byte-queue.test.ts kills: puts records in as fast as it can, says which are safe, and takes some out.
import { writeSync } from "node:fs";
import { systemClock } from "@muster/core";
import { ByteQueue } from "./byte-queue.ts";

const [folder = "", start = "0"] = process.argv.slice(2);
const queue = await ByteQueue.open({ folder, maxBytes: 64 * 1024 * 1024, clock: systemClock });

for (let next = Number(start); ; next++) {
  await queue.append(Buffer.from(`${next} ${"x".repeat(next % 500)}`));
  writeSync(1, `taken ${next}\n`);
  if (next % 3 !== 0) continue;
  const record = await queue.peek();
  if (!record) continue;
  await queue.confirm(record);
  writeSync(1, `confirmed ${record.toString().split(" ")[0]}\n`);
}
