import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { MusterError } from "@muster/core";

/**
 * Keeps a second server out of a data directory: two processes need PostgreSQL. The file holds the process's id and when
 * it started, since ids are used again; a lock whose holder is gone is taken over.
 */
export function lockDataDir(dataDir: string): () => void {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const path = join(dataDir, "server.lock");
  const mine = `${process.pid} ${startOf(process.pid) ?? ""}\n`;
  for (let attempt = 0; ; attempt++) {
    try {
      writeFileSync(path, mine, { flag: "wx", mode: 0o600 });
      return () => rmSync(path, { force: true });
    } catch (error) {
      if (!isTaken(error) || attempt > 2) throw cannotLock(dataDir, error);
    }
    const holder = readHolder(path);
    if (holder !== undefined && isAlive(holder)) {
      throw new MusterError("failed_precondition", `another server (process ${holder.pid}) uses ${dataDir}`, {
        dataDir,
        pid: holder.pid,
      });
    }
    rmSync(path, { force: true });
  }
}

interface Holder {
  readonly pid: number;
  readonly start: string;
}

function readHolder(path: string): Holder | undefined {
  try {
    const [pid = "", start = ""] = readFileSync(path, "utf8").trim().split(" ");
    return /^\d+$/.test(pid) ? { pid: Number(pid), start } : undefined;
  } catch {
    return undefined; // it went away in between
  }
}

function isAlive(holder: Holder): boolean {
  if (holder.pid === process.pid) return false;
  const start = startOf(holder.pid);
  if (start !== undefined) return start === holder.start;
  try {
    process.kill(holder.pid, 0);
    return process.platform !== "linux";
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}

/** Field 22 of /proc/<pid>/stat: when it started, in ticks since boot. Undefined where there is no /proc or no process. */
function startOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
  } catch {
    return undefined;
  }
}

function isTaken(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "EEXIST";
}

function cannotLock(dataDir: string, error: unknown): MusterError {
  return new MusterError("failed_precondition", `cannot write to ${dataDir}`, { dataDir }, error);
}
