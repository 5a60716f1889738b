import type { HostDetail } from "@muster/core";
import { FieldError } from "./envelope.ts";
import { isFiniteNumber, readObject, readText } from "./fields.ts";
import { NODE_LIMITS } from "./limits.ts";

/**
 * Copies a host's detail field by field: the newest one of every agent stays in memory, so nothing that an agent adds
 * to it may. Undefined when any field is wrong.
 */
export function readDetail(value: unknown): HostDetail | undefined {
  try {
    return copyDetail(readObject(value, "detail"));
  } catch (error) {
    if (error instanceof FieldError) return undefined;
    throw error;
  }
}

function copyDetail(fields: Record<string, unknown>): HostDetail {
  const memory = readObject(fields.memory, "memory");
  const swap = readObject(fields.swap, "swap");
  const processes = readObject(fields.processes, "processes");
  const load = Array.isArray(fields.load) ? fields.load : [];
  const room: Room = { characters: NODE_LIMITS.detailText };
  const detail: HostDetail = {
    cores: copyParts(fields.cores, copyCore, room),
    memory: {
      total: readNumber(memory.total),
      used: readNumber(memory.used),
      buffers: readNumber(memory.buffers),
      cached: readNumber(memory.cached),
    },
    swap: { total: readNumber(swap.total), used: readNumber(swap.used) },
    load: [readNumber(load[0]), readNumber(load[1]), readNumber(load[2])],
    filesystems: copyParts(fields.filesystems, copyFilesystem, room),
    disks: copyParts(fields.disks, copyDisk, room),
    networks: copyParts(fields.networks, copyNetwork, room),
    uptimeS: readNumber(fields.uptimeS),
    processes: { total: readNumber(processes.total), running: readNumber(processes.running) },
  };
  return fields.cpuModel === undefined ? detail : { ...detail, cpuModel: readText(fields.cpuModel, "cpuModel") };
}

function copyCore(fields: Record<string, unknown>): HostDetail["cores"][number] {
  return { user: readNumber(fields.user), system: readNumber(fields.system), iowait: readNumber(fields.iowait) };
}

function copyFilesystem(fields: Record<string, unknown>): HostDetail["filesystems"][number] {
  return {
    mount: readText(fields.mount, "mount", 4096),
    device: readText(fields.device, "device", 4096),
    type: readText(fields.type, "type"),
    total: readNumber(fields.total),
    used: readNumber(fields.used),
  };
}

function copyDisk(fields: Record<string, unknown>): HostDetail["disks"][number] {
  return {
    device: readText(fields.device, "device"),
    readBytes: readNumber(fields.readBytes),
    writeBytes: readNumber(fields.writeBytes),
    reads: readNumber(fields.reads),
    writes: readNumber(fields.writes),
    busy: readNumber(fields.busy),
  };
}

function copyNetwork(fields: Record<string, unknown>): HostDetail["networks"][number] {
  return {
    name: readText(fields.name, "name"),
    receiveBytes: readNumber(fields.receiveBytes),
    transmitBytes: readNumber(fields.transmitBytes),
  };
}

/** What is left of a detail's share of memory. */
interface Room {
  characters: number;
}

function copyParts<Part extends object>(
  value: unknown,
  copy: (fields: Record<string, unknown>) => Part,
  room: Room,
): Part[] {
  if (!Array.isArray(value)) throw new FieldError("detail: expected an array");
  const parts: Part[] = [];
  for (const item of value) {
    if (parts.length === NODE_LIMITS.parts) break;
    const part = copy(readObject(item, "detail"));
    room.characters -= countCharacters(part);
    if (room.characters < 0) break;
    parts.push(part);
  }
  return parts;
}

function countCharacters(part: object): number {
  let count = 0;
  for (const content of Object.values(part)) if (typeof content === "string") count += content.length;
  return count;
}

function readNumber(value: unknown): number {
  if (!isFiniteNumber(value)) throw new FieldError("detail: expected a number");
  return value;
}
