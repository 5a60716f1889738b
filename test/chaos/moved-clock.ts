// Loaded before a server by --import: what it takes for the system's time is off by the milliseconds that the file
// CHAOS_CLOCK holds, from one moment to the next, as when somebody sets the clock. Timers and monotonic time are left alone,
// as the kernel leaves them. (libfaketime does the same below libc, but leaves semaphores behind whenever it is killed.)
import { readFileSync } from "node:fs";
import { setInterval } from "node:timers";

const READ_EVERY_MS = 200;
const path = process.env.CHAOS_CLOCK ?? "";
const systemNow = Date.now;
let offsetMs = 0;

globalThis.Date = class extends Date {
  constructor(...given: ConstructorParameters<DateConstructor> | []) {
    if (given.length === 0) super(systemNow() + offsetMs);
    else super(...given);
  }

  static override now(): number {
    return systemNow() + offsetMs;
  }
} as DateConstructor;

setInterval(() => {
  const read = Number(readFileSync(path, "utf8"));
  if (Number.isFinite(read)) offsetMs = read;
}, READ_EVERY_MS).unref();
