import { systemClock } from "@muster/core";
import * as z from "zod/mini";
import { PointQueue } from "../../../point-queue.ts";
import { logging } from "./kind.ts";

/** Follows files into the agent's own queue until it is killed. Arguments: pattern, folder for the state, folder of the queue. */
const [pattern = "", stateDir = "", folder = ""] = process.argv.slice(2);

const quiet = () => {};
const queue = PointQueue.open({ folder, onAdded: quiet, onDropped: quiet });
const collector = logging.create(z.parse(logging.options, { logfiles: [pattern], from_beginning: true }), {
  clock: systemClock,
  log: { debug: quiet, info: quiet, warn: quiet, error: quiet },
  hostname: "host-1",
  intervalMs: 10_000,
  stateDir: () => stateDir,
  emit: (category, points, batch) => queue.add(category, points, batch),
  reportTrouble: quiet,
});
await collector.start?.();
process.stdout.write("running\n");
setInterval(quiet, 1000); // the clock's timers do not keep a program alive
