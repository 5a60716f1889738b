import { createHash, randomBytes } from "node:crypto";
import { chmodSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { hostname, networkInterfaces } from "node:os";
import { join } from "node:path";
import { MusterError } from "@muster/core";
import { readProcessStart } from "./commands/process-table.ts";

/** Who this agent is. */
export interface Identity {
  readonly id: string;
  readonly source: "setting" | "machine" | "random";
  /** True when the folder came from another machine, so that its id was not taken over. */
  readonly moved: boolean;
}

export interface IdentityInputs {
  /** The agent's own folder. */
  readonly folder: string;
  readonly configuredId: string | undefined;
  /** Where the machine's id is looked for, first match wins. */
  readonly machineIdPaths?: readonly string[];
}

const MACHINE_ID_PATHS = ["/etc/machine-id", "/var/lib/dbus/machine-id"];
const FILE = "identity.json";

/** Creates the agent's folder, readable by its owner only. */
export function openAgentFolder(folder: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  chmodSync(folder, 0o700);
}

/**
 * Finds out the agent's id: the configured one, else one derived from the machine's id, else a random one that is kept.
 * The stored id is bound to a hint of the machine: a folder copied to another machine does not clone the agent.
 */
export function resolveIdentity(inputs: IdentityInputs): Identity {
  if (inputs.configuredId !== undefined) return { id: inputs.configuredId, source: "setting", moved: false };
  const machineId = readMachineId(inputs.machineIdPaths ?? MACHINE_ID_PATHS);
  const hint = hash("muster agent machine hint", machineId ?? fallbackHint()).slice(0, 32);
  const path = join(inputs.folder, FILE);
  const stored = readStored(path);
  if (stored && stored.machine === hint) return { id: stored.id, source: stored.source, moved: false };
  const source = machineId === undefined ? "random" : "machine";
  // systemd asks programs never to show the machine's id itself, hence the salted hash
  const bits = machineId === undefined ? randomBytes(16).toString("hex") : hash("muster agent id", machineId);
  const id = bits.slice(0, 32);
  writeStored(path, { id, source, machine: hint });
  return { id, source, moved: stored !== undefined };
}

interface StoredIdentity {
  readonly id: string;
  readonly source: "machine" | "random";
  readonly machine: string;
}

function readMachineId(paths: readonly string[]): string | undefined {
  for (const path of paths) {
    try {
      const content = readFileSync(path, "utf8").trim();
      if (/^[0-9a-f]{32}$/i.test(content) && !/^0+$/.test(content)) return content.toLowerCase();
    } catch {
      // the next place may have one
    }
  }
  return undefined;
}

/** Without a machine id the hostname and the hardware addresses tell machines apart well enough for a hint. */
function fallbackHint(): string {
  const addresses = Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    .filter((entry) => !entry.internal)
    .map((entry) => entry.mac);
  return `${hostname()} ${[...new Set(addresses)].sort().join(" ")}`;
}

function readStored(path: string): StoredIdentity | undefined {
  try {
    const parsed: unknown = JSON.parse(readFileSync(path, "utf8"));
    if (typeof parsed !== "object" || parsed === null) return undefined;
    const { id, source, machine } = parsed as Record<string, unknown>;
    if (typeof id !== "string" || typeof machine !== "string") return undefined;
    return { id, machine, source: source === "machine" ? "machine" : "random" };
  } catch {
    return undefined;
  }
}

function writeStored(path: string, identity: StoredIdentity): void {
  writeFileSync(`${path}.new`, `${JSON.stringify(identity)}\n`, { mode: 0o600, flush: true });
  renameSync(`${path}.new`, path);
}

function hash(salt: string, content: string): string {
  return createHash("sha256").update(`${salt}\0${content}`).digest("hex");
}

/**
 * Keeps a second agent out of the same folder: two would start each other's commands. The lock names a process and
 * when that process started, so a lock left behind by `kill -9` or a reboot is recognised. Returns what releases it.
 */
export function lockFolder(folder: string): () => void {
  const path = join(folder, "lock");
  const mine = `${process.pid} ${readProcessStart(process.pid) ?? 0}\n`;
  for (let attempt = 0; attempt < 3; attempt++) {
    try {
      writeFileSync(path, mine, { flag: "wx", mode: 0o600 });
      return () => {
        if (readLock(path) === mine) rmSync(path, { force: true });
      };
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
    }
    const holder = readLock(path);
    if (holder !== undefined && isAlive(holder)) {
      throw new MusterError("failed_precondition", "another agent is using the data folder", {
        folder,
        pid: Number(holder.split(" ")[0]),
      });
    }
    rmSync(path, { force: true });
  }
  throw new MusterError("failed_precondition", "the data folder cannot be locked", { folder });
}

function readLock(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

function isAlive(lock: string): boolean {
  const [pid = 0, startedAt = 0] = lock.trim().split(" ").map(Number);
  if (!Number.isInteger(pid) || pid <= 0) return false;
  const start = readProcessStart(pid);
  if (start !== undefined && startedAt !== 0) return start === startedAt;
  try {
    process.kill(pid, 0);
    return process.platform !== "linux"; // on Linux a process that cannot be seen in /proc is none of ours
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}
