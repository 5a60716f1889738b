import { closeSync, fstatSync, ftruncateSync, openSync, readFileSync, writeSync } from "node:fs";
import { systemClock } from "@muster/core";
import * as z from "zod/mini";
import { logging } from "./kind.ts";

/**
 * Follows files until it is killed, and hands over into a file as the agent's queue would: whole batches, each with its
 * name, a name only once. Arguments: pattern, folder for the state, file to hand over into.
 */
const [pattern = "", stateDir = "", out = ""] = process.argv.slice(2);

/** Names of the batches that are there; what was half-written when the program was killed is taken away. */
function openQueue(path: string): { fd: number; names: Set<string> } {
  const fd = openSync(path, "a+");
  const text = readFileSync(path, "utf8");
  const whole = text.slice(0, text.lastIndexOf("\n") + 1);
  if (whole.length < fstatSync(fd).size) ftruncateSync(fd, Buffer.byteLength(whole));
  const lines = whole.split("\n").filter((line) => line !== "");
  return { fd, names: new Set(lines.map((line) => (JSON.parse(line) as { batch: string }).batch)) };
}

const queue = openQueue(out);
const quiet = () => {};
const collector = logging.create(z.parse(logging.options, { logfiles: [pattern], from_beginning: true }), {
  clock: systemClock,
  log: { debug: quiet, info: quiet, warn: quiet, error: quiet },
  hostname: "host-1",
  intervalMs: 10_000,
  stateDir: () => stateDir,
  async emit(_category, points, batch = "") {
    if (queue.names.has(batch)) return;
    queue.names.add(batch);
    const messages = points.map(({ fields }) => fields.message);
    writeSync(queue.fd, `${JSON.stringify({ batch, messages })}\n`);
  },
  reportTrouble: quiet,
});
await collector.start?.();
process.stdout.write("running\n");
setInterval(quiet, 1000); // the clock's timers do not keep a program alive
process.on("exit", () => closeSync(queue.fd));
