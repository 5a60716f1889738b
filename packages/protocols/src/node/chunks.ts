import { isUtf8 } from "node:buffer";
import type { WireChunk } from "./frames.ts";

/** One piece of a run's output as bytes. `bytes` is empty and `cutBytes` positive where output was left out. */
export interface ChunkContent {
  readonly seq: number;
  readonly stream: "stdout" | "stderr";
  readonly at: number;
  readonly bytes: Uint8Array;
  readonly cutBytes: number;
}

/** Text where the bytes are UTF-8, else base64. A character cut in two by a piece's border therefore travels as base64. */
export function toWireChunk(piece: ChunkContent): WireChunk {
  const { seq, stream, at, bytes, cutBytes } = piece;
  if (cutBytes > 0) return { seq, stream, at, cut: cutBytes };
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (isUtf8(buffer)) return { seq, stream, at, text: buffer.toString("utf8") };
  return { seq, stream, at, base64: buffer.toString("base64") };
}

/** The other way; characters that are no base64 are skipped. */
export function fromWireChunk(chunk: WireChunk): ChunkContent {
  const { seq, stream, at } = chunk;
  if (chunk.cut !== undefined) return { seq, stream, at, bytes: new Uint8Array(0), cutBytes: chunk.cut };
  const bytes = chunk.text !== undefined ? Buffer.from(chunk.text, "utf8") : Buffer.from(chunk.base64 ?? "", "base64");
  return { seq, stream, at, bytes, cutBytes: 0 };
}
