import { type Clock, delay } from "@muster/core";
import { hasEnvironmentEntry, listProcesses, type ProcessRow } from "./process-table.ts";

/** Put into the environment of every command, so that its processes are found even after they left its group. */
export const RUN_MARK = "MUSTER_RUN_ID";

/** What is known of a run's processes. */
export interface TreeRoot {
  readonly runId: string;
  /** The leader: first process, group and session of the run. Undefined when the agent died before it knew. */
  readonly pid?: number;
  /** The leader's start, to tell it from a later process with the same pid. */
  readonly startedAt?: number;
  /** True when this process started the leader: the kernel does not give its number away while its group lives. */
  readonly isChild?: boolean;
}

/**
 * The processes of a run that are alive: the leader, its group and session, everything descended from those, and
 * everything that carries the run's mark. Group and session count only when the leader is known to be the same process:
 * a number that was used again must not cost a stranger its life. A process that cleared its environment, left the
 * session and was orphaned is not found.
 */
export function findTree(root: TreeRoot, rows: readonly ProcessRow[], carriesMark: (pid: number) => boolean): number[] {
  const { pid } = root;
  const leader = rows.find((row) => row.pid === pid);
  const isSame = leader ? leader.startedAt === root.startedAt : root.isChild === true;
  const found = new Set<number>();
  for (const row of rows) {
    if (row.state === "Z" || row.pid <= 1 || row.pid === process.pid) continue;
    const inGroup = isSame && pid !== undefined && (row.pid === pid || row.group === pid || row.session === pid);
    if (inGroup || carriesMark(row.pid)) found.add(row.pid);
  }
  addDescendants(found, rows);
  return [...found];
}

function addDescendants(found: Set<number>, rows: readonly ProcessRow[]): void {
  for (let grew = true; grew; ) {
    grew = false;
    for (const row of rows) {
      if (found.has(row.pid) || row.state === "Z" || row.pid === process.pid || !found.has(row.parent)) continue;
      found.add(row.pid);
      grew = true;
    }
  }
}

/** The living processes of a run, by the system's process table. */
export function listTree(root: TreeRoot): number[] {
  const entry = `${RUN_MARK}=${root.runId}`;
  return findTree(root, listProcesses(), (pid) => hasEnvironmentEntry(pid, entry));
}

/** Sends a signal to every living process of a run; returns how many there were. */
export function signalTree(root: TreeRoot, signal: NodeJS.Signals): number {
  const pids = listTree(root);
  for (const pid of pids) sendSignal(pid, signal);
  // without /proc the group is all we can reach; the leader is our own child then, so its number is still its own
  if (pids.length === 0 && process.platform !== "linux" && root.pid !== undefined) sendSignal(-root.pid, signal);
  return pids.length;
}

/** Ends a run's processes: TERM, the grace, then KILL until none is left (a tree that forks may need several rounds). */
export async function endTree(root: TreeRoot, clock: Clock, graceMs: number): Promise<void> {
  if (signalTree(root, "SIGTERM") === 0) return;
  const deadline = clock.monotonic() + graceMs;
  // a look at the table costs milliseconds on a busy host, so looks get rarer
  for (let waitMs = 25; clock.monotonic() < deadline; waitMs = Math.min(500, waitMs * 2)) {
    await delay(clock, Math.min(waitMs, deadline - clock.monotonic()));
    if (listTree(root).length === 0) return;
  }
  for (let round = 0; round < 5; round++) {
    if (signalTree(root, "SIGKILL") === 0) return;
    await delay(clock, 20 * (round + 1));
  }
}

function sendSignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // gone, or not ours to signal: the next look at the table tells
  }
}
