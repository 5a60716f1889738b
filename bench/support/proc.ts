import { readFileSync } from "node:fs";
import { arch, cpus, release, totalmem, type } from "node:os";

/** Clock ticks per second in /proc; 100 on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;

/** CPU seconds, user and system, that a process has used so far. */
export function readCpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  // the name in parentheses may contain spaces: count fields after it
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/** Resident memory in bytes: all of it, and the part that no file backs. */
export interface ResidentMemory {
  readonly total: number;
  readonly anonymous: number;
}

export function readMemory(pid: number): ResidentMemory {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const field = (name: string) =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(status)?.[1] ?? Number.NaN) * 1024;
  return { total: field("VmRSS"), anonymous: field("RssAnon") };
}

/** One line about where the numbers come from. */
export function describeMachine(): string {
  const processors = cpus();
  const memory = `${(totalmem() / 1024 ** 3).toFixed(0)} GiB`;
  return `${processors.length} × ${processors[0]?.model.trim() ?? arch()}, ${memory}, ${type()} ${release()}, Node ${process.version}`;
}
