import { type FileHandle, open, readdir, readFile, rename, truncate } from "node:fs/promises";
import { join } from "node:path";
import { type NumberedAgents, readRecord } from "./queue-record.ts";
import type { Step } from "./step.ts";

/** One file of the queue. `rows` and `bytes` are what is whole in it. */
export interface Segment {
  readonly sequence: number;
  path: string;
  rows: number;
  bytes: number;
}

/** A segment that is being written has no count in its name; when it is closed it gets one. */
const NAME = /^(\d{12})(?:-(\d{1,9}))?\.steps$/;
/** Read at a time; more than the longest record. */
const WINDOW = 1024 * 1024;

export function segmentName(sequence: number, rows?: number): string {
  return `${String(sequence).padStart(12, "0")}${rows === undefined ? "" : `-${rows}`}.steps`;
}

/** The segments of a folder, oldest first. One that nobody closed is read and cut behind its last whole record. */
export async function findSegments(folder: string): Promise<Segment[]> {
  const segments: Segment[] = [];
  for (const name of (await readdir(folder)).sort()) {
    const match = NAME.exec(name);
    if (!match) continue;
    const path = join(folder, name);
    const sequence = Number(match[1]);
    const content = match[2] === undefined ? await readFile(path) : undefined;
    const whole = content ? measure(content) : { rows: Number(match[2]), bytes: await sizeOf(path) };
    const segment = { sequence, path, ...whole };
    if (content && content.length > segment.bytes) await truncate(path, segment.bytes);
    if (content) await sealSegment(folder, segment);
    segments.push(segment);
  }
  return segments.sort((a, b) => a.sequence - b.sequence);
}

/** Writes the count of its steps into its name: nothing follows. */
export async function sealSegment(folder: string, segment: Segment): Promise<void> {
  const path = join(folder, segmentName(segment.sequence, segment.rows));
  await rename(segment.path, path);
  segment.path = path;
}

function measure(content: Buffer): { rows: number; bytes: number } {
  const agents: NumberedAgents = new Map();
  let rows = 0;
  for (let bytes = 0; ; ) {
    const record = readRecord(content, bytes, agents);
    if (record.kind === "cut" || record.kind === "broken") return { rows, bytes };
    if (record.kind === "step") rows++;
    bytes = record.end;
  }
}

async function sizeOf(path: string): Promise<number> {
  const file = await open(path, "r");
  try {
    return (await file.stat()).size;
  } finally {
    await file.close();
  }
}

/** Reads a segment from its start, also while it is being written. Closed by whoever opened it. */
export class SegmentReader {
  readonly segment: Segment;
  /** Steps read so far. */
  rows = 0;
  readonly #file: FileHandle;
  readonly #agents: NumberedAgents = new Map();
  #offset = 0;

  private constructor(segment: Segment, file: FileHandle) {
    this.segment = segment;
    this.#file = file;
  }

  static async open(segment: Segment): Promise<SegmentReader> {
    return new SegmentReader(segment, await open(segment.path, "r"));
  }

  /** The next steps, at most `limit`; "end" when none is left now, "broken" when what is left cannot be read. */
  async read(limit: number): Promise<Step[] | "end" | "broken"> {
    const steps: Step[] = [];
    while (steps.length < limit) {
      const wanted = Math.min(WINDOW, this.segment.bytes - this.#offset);
      if (wanted <= 0) break;
      const { buffer, bytesRead } = await this.#file.read(Buffer.allocUnsafe(wanted), 0, wanted, this.#offset);
      const from = this.#offset;
      const state = this.#take(buffer.subarray(0, bytesRead), limit, steps);
      if (state === "broken" || this.#offset === from) return steps.length > 0 ? steps : "broken";
    }
    return steps.length > 0 ? steps : "end";
  }

  close(): Promise<void> {
    return this.#file.close();
  }

  #take(bytes: Buffer, limit: number, steps: Step[]): "ok" | "broken" {
    for (let at = 0; steps.length < limit; ) {
      const record = readRecord(bytes, at, this.#agents);
      if (record.kind === "broken") return "broken";
      if (record.kind === "cut") return "ok";
      if (record.kind === "step") {
        steps.push(record.step);
        this.rows++;
      }
      this.#offset += record.end - at;
      at = record.end;
    }
    return "ok";
  }
}
