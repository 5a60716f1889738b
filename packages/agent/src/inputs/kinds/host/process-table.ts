import { readdir, readFile, readlink } from "node:fs/promises";
import { join } from "node:path";

/** Ticks per second in everything that /proc tells, whatever the kernel's own rate is. */
const USER_HZ = 100;

/** What /proc/<pid>/stat tells of a process; times in seconds, memory in bytes. */
export interface ProcessStat {
  readonly pid: number;
  readonly name: string;
  /** R, S, D, Z, T, t, I or X (proc(5)). */
  readonly state: string;
  readonly parentPid: number;
  readonly cpuSeconds: number;
  readonly threads: number;
  /** Since the start of the host. */
  readonly startedSeconds: number;
  readonly virtualBytes: number;
  readonly residentBytes: number;
}

/** Undefined for a text that is none: the process may have ended while it was read. */
export function parseProcessStat(text: string, pageSize: number): ProcessStat | undefined {
  // the name in parentheses may hold anything, parentheses and blanks too
  const open = text.indexOf("(");
  const close = text.lastIndexOf(")");
  if (open < 0 || close < open) return undefined;
  const fields = text.slice(close + 2).split(" ");
  const at = (index: number) => Number(fields[index - 3]) || 0; // counted as in proc(5), where the state is the third
  return {
    pid: Number(text.slice(0, open)),
    name: text.slice(open + 1, close),
    state: fields[0] ?? "",
    parentPid: at(4),
    cpuSeconds: (at(14) + at(15)) / USER_HZ,
    threads: at(20),
    startedSeconds: at(22) / USER_HZ,
    virtualBytes: at(23),
    residentBytes: at(24) * pageSize,
  };
}

/** The numbers of all processes. */
export async function listPids(proc: string): Promise<number[]> {
  return (await readdir(proc)).filter((name) => /^\d+$/.test(name)).map(Number);
}

/** How processes are read: the folder of /proc and the size of a page. */
export interface ProcessReader {
  readonly proc: string;
  readonly pageSize: number;
}

export async function readProcess({ proc, pageSize }: ProcessReader, pid: number): Promise<ProcessStat | undefined> {
  const text = await readFile(join(proc, String(pid), "stat"), "latin1").catch(() => "");
  return parseProcessStat(text, pageSize);
}

/** The arguments with blanks between them; empty for threads of the kernel. */
export async function readCommandLine(proc: string, pid: number): Promise<string> {
  const text = await readFile(join(proc, String(pid), "cmdline"), "utf8").catch(() => "");
  return text.replace(/\0+$/, "").replaceAll("\0", " ");
}

/** The effective user; undefined when the process has ended. */
export async function readUid(proc: string, pid: number): Promise<string | undefined> {
  const text = await readFile(join(proc, String(pid), "status"), "latin1").catch(() => "");
  return /^Uid:\s+\d+\s+(\d+)/m.exec(text)?.[1];
}

/** Undefined where only root may look. */
export async function countOpenFiles(proc: string, pid: number): Promise<number | undefined> {
  return (await readdir(join(proc, String(pid), "fd")).catch(() => undefined))?.length;
}

export async function readWorkFolder(proc: string, pid: number): Promise<string | undefined> {
  return readlink(join(proc, String(pid), "cwd")).catch(() => undefined);
}

/** Names by number, from a file such as /etc/passwd. */
export function parsePasswd(text: string): Map<string, string> {
  const names = new Map<string, string>();
  for (const line of text.split("\n")) {
    const [name = "", , uid] = line.split(":");
    if (name !== "" && uid !== undefined && !names.has(uid)) names.set(uid, name);
  }
  return names;
}
