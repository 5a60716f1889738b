import { type FileHandle, mkdir, open, readdir, readFile, unlink } from "node:fs/promises";
import { join } from "node:path";
import { crc32 } from "node:zlib";

/*
 * A file is a row of records: u32 length of the payload, u32 CRC-32 of it, the payload (little endian). A record that a
 * crash cut ends its file.
 */
const HEADER = 8;
const NAME = /^(\d{12})\.points$/;

interface Waiting {
  readonly record: readonly Uint8Array[];
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * What was taken in and is not in the database yet, in files. `append` resolves when the disk has the record, so that a
 * writer may be told so; records of callers who wait together share one write. After a start `recover` hands back what was
 * left; `seal` begins a new file, and `drop` removes the files before it once their content is in the database.
 */
export class PointJournal {
  readonly #folder: string;
  #left: string[];
  #next: number;
  #file: FileHandle | undefined;
  #sealed: string[] = [];
  #bytes = 0;
  #waiting: Waiting[] = [];
  #busy: Promise<void> | undefined;

  private constructor(folder: string, names: readonly string[]) {
    this.#folder = folder;
    this.#left = names.map((name) => join(folder, name));
    this.#next = Number(NAME.exec(names.at(-1) ?? "")?.[1] ?? 0) + 1;
  }

  /** The folder is made when it is absent; one journal per folder. */
  static async open(folder: string): Promise<PointJournal> {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    return new PointJournal(folder, (await readdir(folder)).filter((name) => NAME.test(name)).sort());
  }

  /** Bytes of records that are not dropped yet, without those of an earlier process. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The records of an earlier process, oldest first. Call it before the first `append`; `drop` removes them too. */
  async *recover(): AsyncGenerator<Buffer> {
    for (const path of this.#left) yield* readRecords(await readFile(path));
    this.#sealed.push(...this.#left);
    this.#left = [];
  }

  /** The payload may come in parts, which are not copied: nobody may change them meanwhile. */
  append(...payload: readonly Uint8Array[]): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ record: frame(payload), resolve, reject });
      this.#busy ??= this.#write();
    });
  }

  /** Everything appended from now on goes into a new file. Answers the files before it, for `drop`. */
  async seal(): Promise<readonly string[]> {
    await this.#busy;
    const files = this.#sealed;
    await this.#end();
    return files;
  }

  async drop(files: readonly string[]): Promise<void> {
    const gone = new Set(files);
    this.#sealed = this.#sealed.filter((path) => !gone.has(path));
    for (const path of gone) await unlink(path).catch(() => {});
  }

  async close(): Promise<void> {
    await this.#busy;
    await this.#end();
  }

  async #write(): Promise<void> {
    // callers of this turn of the event loop share one write
    await new Promise((resolve) => setImmediate(resolve));
    while (this.#waiting.length > 0) {
      const batch = this.#waiting;
      this.#waiting = [];
      try {
        this.#file ??= await this.#begin();
        const parts = batch.flatMap((waiting) => waiting.record);
        const { bytesWritten } = await this.#file.writev(parts);
        if (bytesWritten !== lengthOf(parts)) throw new Error("the disk took only a part of the journal's records");
        await this.#file.datasync();
        this.#bytes += bytesWritten;
        for (const { resolve } of batch) resolve();
      } catch (error) {
        // what is behind a torn record would not be found again
        await this.#end().catch(() => {});
        for (const { reject } of batch) reject(error);
      }
    }
    this.#busy = undefined;
  }

  async #end(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    this.#bytes = 0;
    await file?.close();
  }

  async #begin(): Promise<FileHandle> {
    const path = join(this.#folder, `${String(this.#next++).padStart(12, "0")}.points`);
    const file = await open(path, "ax", 0o600);
    this.#sealed = [...this.#sealed, path];
    return file;
  }
}

function frame(payload: readonly Uint8Array[]): Uint8Array[] {
  const header = Buffer.alloc(HEADER);
  header.writeUInt32LE(lengthOf(payload), 0);
  let checksum = 0;
  for (const part of payload) checksum = crc32(part, checksum);
  header.writeUInt32LE(checksum, 4);
  return [header, ...payload];
}

function lengthOf(parts: readonly Uint8Array[]): number {
  return parts.reduce((sum, part) => sum + part.length, 0);
}

function* readRecords(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at + HEADER <= bytes.length; ) {
    const end = at + HEADER + bytes.readUInt32LE(at);
    const payload = bytes.subarray(at + HEADER, end);
    if (end > bytes.length || crc32(payload) !== bytes.readUInt32LE(at + 4)) return;
    yield payload;
    at = end;
  }
}
