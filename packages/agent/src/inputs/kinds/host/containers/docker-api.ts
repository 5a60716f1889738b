import { request } from "node:http";
import type { Container, ContainerUsage } from "./containers.ts";

/** An engine with thousands of containers answers with some megabytes. */
const MAX_ANSWER = 32 * 1024 * 1024;

export interface EngineCall {
  readonly socketPath: string;
  readonly path: string;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** Asks a Docker Engine (or what speaks like one, such as Podman) over its Unix socket. Throws on any answer but 200 with JSON. */
export function askEngine({ socketPath, path, timeoutMs, signal }: EngineCall): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
    const call = request({ socketPath, path, signal: limit, headers: { host: "localhost" } }, (answer) => {
      const pieces: Buffer[] = [];
      let size = 0;
      answer.on("data", (piece: Buffer) => {
        size += piece.length;
        if (size > MAX_ANSWER) call.destroy(new Error(`the answer to ${path} is larger than ${MAX_ANSWER} bytes`));
        else pieces.push(piece);
      });
      answer.on("error", reject);
      answer.on("end", () => {
        try {
          resolve(readAnswer(path, answer.statusCode ?? 0, Buffer.concat(pieces).toString("utf8")));
        } catch (error) {
          reject(error);
        }
      });
    });
    call.on("error", reject);
    call.end();
  });
}

function readAnswer(path: string, status: number, text: string): unknown {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    throw new Error(`the engine answered ${path} with ${status} and no JSON`);
  }
  if (status === 200) return body;
  throw new Error(`the engine answered ${path} with ${status}: ${textOf(asRecord(body).message)}`);
}

/** Reads the answer to /containers/json; what lacks an id is left out. */
export function readContainers(answer: unknown): Container[] {
  return asList(answer).flatMap((entry) => {
    const { Id, Names, Image, State, Created, Labels } = asRecord(entry);
    if (typeof Id !== "string" || Id === "") return [];
    const labels = Object.entries(asRecord(Labels)).map(([name, value]) => [name, textOf(value)]);
    return [
      {
        id: Id,
        name: textOf(asList(Names)[0]).replace(/^\//, "") || Id.slice(0, 12),
        image: textOf(Image),
        state: textOf(State),
        createdMs: (numberOf(Created) ?? 0) * 1000,
        labels: Object.fromEntries(labels),
      },
    ];
  });
}

/** Reads the answer to /containers/<id>/stats of cgroups of either version. */
export function readUsage(answer: unknown): ContainerUsage {
  const { cpu_stats, memory_stats, networks, blkio_stats, pids_stats, read } = asRecord(answer);
  const memory = asRecord(memory_stats);
  const details = asRecord(memory.stats);
  const droppable = numberOf(details.inactive_file) ?? numberOf(details.total_inactive_file) ?? 0;
  const usage = numberOf(memory.usage);
  const interfaces = Object.values(asRecord(networks)).map(asRecord);
  const sumOf = (pick: (one: Record<string, unknown>) => unknown) =>
    interfaces.length === 0 ? undefined : interfaces.reduce((sum, one) => sum + (numberOf(pick(one)) ?? 0), 0);
  const readAtMs = Date.parse(textOf(read));
  return {
    cpuNs: numberOf(asRecord(asRecord(cpu_stats).cpu_usage).total_usage),
    // the year 1 stands for never
    cpuAtNs: readAtMs > 0 ? readAtMs * 1e6 : undefined,
    memory: usage === undefined ? undefined : Math.max(0, usage - droppable),
    memoryLimit: numberOf(memory.limit),
    received: sumOf(({ rx_bytes }) => rx_bytes),
    sent: sumOf(({ tx_bytes }) => tx_bytes),
    blockRead: sumBlocks(blkio_stats, "read"),
    blockWritten: sumBlocks(blkio_stats, "write"),
    processes: numberOf(asRecord(pids_stats).current),
  };
}

function sumBlocks(stats: unknown, operation: string): number | undefined {
  const entries = asList(asRecord(stats).io_service_bytes_recursive).map(asRecord);
  if (entries.length === 0) return undefined;
  return entries
    .filter(({ op }) => textOf(op).toLowerCase() === operation)
    .reduce((sum, { value }) => sum + (numberOf(value) ?? 0), 0);
}

export function asRecord(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}

function asList(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

export function numberOf(value: unknown): number | undefined {
  return typeof value === "number" && Number.isFinite(value) ? value : undefined;
}
