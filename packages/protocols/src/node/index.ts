export * from "./chunks.ts";
export { decodeCoreFrame } from "./decode-core.ts";
export { decodeNodeFrame, NODE_TYPES } from "./decode-node.ts";
export * from "./encode.ts";
export type { Decoded, DecodeFailure } from "./envelope.ts";
export * from "./frames.ts";
export * from "./limits.ts";
export * from "./wire-metrics.ts";
export * from "./words.ts";
