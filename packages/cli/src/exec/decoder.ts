import type { OutputChunk } from "@muster/core/resources";
import { formatBytes } from "../terminal/format.ts";
import { type OutputPolicy, OutputSanitizer } from "../terminal/sanitize.ts";

/** Turns the chunks of one run into text that a terminal may show. State is kept per stream: both are cut anywhere. */
export class ChunkDecoder {
  readonly #streams;

  constructor(policy: OutputPolicy) {
    const open = () => ({ decoder: new TextDecoder(), sanitizer: new OutputSanitizer(policy) });
    this.#streams = { stdout: open(), stderr: open() };
  }

  decode(chunk: OutputChunk): string {
    const { decoder, sanitizer } = this.#streams[chunk.stream];
    if ((chunk.cutBytes ?? 0) > 0) return `\n[… ${formatBytes(chunk.cutBytes ?? 0)} left out …]\n`;
    const bytes = chunk.text ?? Buffer.from(chunk.base64 ?? "", "base64");
    const text =
      typeof bytes === "string" ? decoder.decode(undefined) + bytes : decoder.decode(bytes, { stream: true });
    return sanitizer.clean(text);
  }
}

/** The bytes themselves, for `--raw`. */
export function chunkContent(chunk: OutputChunk): Uint8Array {
  return chunk.text === undefined ? Buffer.from(chunk.base64 ?? "", "base64") : Buffer.from(chunk.text);
}
