import { readdirSync, readFileSync } from "node:fs";

/** One row of the process table. `startedAt` is in the kernel's ticks since boot: with the pid it names a process for ever. */
export interface ProcessRow {
  readonly pid: number;
  readonly parent: number;
  readonly group: number;
  readonly session: number;
  readonly state: string;
  readonly startedAt: number;
}

/** Reads `/proc/<pid>/stat` (proc(5)). The name in brackets may hold spaces and brackets: the last bracket ends it. */
export function parseProcessStat(stat: string): ProcessRow | undefined {
  const close = stat.lastIndexOf(")");
  if (close === -1) return undefined;
  const fields = stat.slice(close + 2).split(" ");
  const row: ProcessRow = {
    pid: Number.parseInt(stat, 10),
    state: fields[0] ?? "?",
    parent: Number(fields[1]),
    group: Number(fields[2]),
    session: Number(fields[3]),
    startedAt: Number(fields[19]),
  };
  return Number.isInteger(row.pid) && Number.isInteger(row.startedAt) ? row : undefined;
}

/** One process, or undefined when it is gone or this system has no /proc. */
export function readProcess(pid: number): ProcessRow | undefined {
  try {
    return parseProcessStat(readFileSync(`/proc/${pid}/stat`, "latin1"));
  } catch {
    return undefined;
  }
}

/** When a process started, in ticks since boot; undefined when it cannot be seen. */
export function readProcessStart(pid: number): number | undefined {
  return readProcess(pid)?.startedAt;
}

/** Every process that can be seen; empty where there is no /proc. */
export function listProcesses(): ProcessRow[] {
  let names: string[];
  try {
    names = readdirSync("/proc");
  } catch {
    return [];
  }
  const rows: ProcessRow[] = [];
  for (const name of names) {
    const code = name.charCodeAt(0);
    if (code < 48 || code > 57) continue;
    const row = readProcess(Number(name));
    if (row) rows.push(row);
  }
  return rows;
}

/** True when the process's first environment holds the entry; false too when it may not be read. */
export function hasEnvironmentEntry(pid: number, entry: string): boolean {
  try {
    const environment = readFileSync(`/proc/${pid}/environ`, "latin1");
    return environment.startsWith(`${entry}\0`) || environment.includes(`\0${entry}\0`);
  } catch {
    return false;
  }
}
