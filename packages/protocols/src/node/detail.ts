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
  const detail: HostDetail = {
    cores: copyParts(fields.cores, copyCore),
    memory: {
      total: readNumber(memory.total),
      used: readNumber(memory.used),
      buffers: readNumber(memory.buffers),
      cached: readNumber(memory.cached),
    },
    swap: { total: readNumber(swap.total), used: readNumber(swap.used) },
    load: [readNumber(load[0]), readNumber(load[1]), readNumber(load[2])],
    filesystems: copyParts(fields.filesystems, copyFilesystem),
    disks: copyParts(fields.disks, copyDisk),
    networks: copyParts(fields.networks, copyNetwork),
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

function copyParts<Part>(value: unknown, copy: (fields: Record<string, unknown>) => Part): Part[] {
  if (!Array.isArray(value)) throw new FieldError("detail: expected an array");
  const parts: Part[] = [];
  for (const part of value) {
    if (parts.length === NODE_LIMITS.parts) break;
    parts.push(copy(readObject(part, "detail")));
  }
  return parts;
}

function readNumber(value: unknown): number {
  if (!isFiniteNumber(value)) throw new FieldError("detail: expected a number");
  return value;
}
