import { closeSync, openSync, readSync } from "node:fs";

/** After a failed open the file is tried again this rarely: what a container hides stays hidden. */
const RETRY_READS = 100;

/**
 * A file of /proc that is read again and again: the descriptor stays open and the buffer is reused, which makes a
 * reading cost microseconds. A file that is missing reads as nothing.
 */
export class ProcFile {
  readonly path: string;
  #fd: number | undefined;
  #buffer: Buffer = Buffer.allocUnsafe(4096);
  #skip = 0;

  constructor(path: string) {
    this.path = path;
  }

  /** The whole content, valid until the next read; undefined when it cannot be read. */
  read(): Buffer | undefined {
    if (this.#skip > 0) {
      this.#skip -= 1;
      return undefined;
    }
    try {
      this.#fd ??= openSync(this.path, "r");
      return this.#readAll(this.#fd);
    } catch {
      this.close();
      this.#skip = RETRY_READS;
      return undefined;
    }
  }

  close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }

  #readAll(fd: number): Buffer {
    let length = 0;
    for (;;) {
      // /proc answers in pieces of a page or less, so only an empty read is the end
      const count = readSync(fd, this.#buffer, length, this.#buffer.length - length, length);
      length += count;
      if (count === 0) return this.#buffer.subarray(0, length);
      if (length < this.#buffer.length) {
        // a small file is complete when there was room left: saves the second call for all but the largest
        if (length < 2048) return this.#buffer.subarray(0, length);
        continue;
      }
      const larger = Buffer.allocUnsafe(this.#buffer.length * 2);
      this.#buffer.copy(larger);
      this.#buffer = larger;
    }
  }
}
