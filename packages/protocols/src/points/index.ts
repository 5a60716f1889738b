export { type DecodedPoints, describeProblems, type PointProblem } from "./decoded.ts";
export { decodeJsonPoints, decodePbJsonPoints } from "./json-decode.ts";
export * from "./limits.ts";
export { decodeLines, type LineOptions } from "./line-decode.ts";
export { encodeLines } from "./line-encode.ts";
export { SeriesCache } from "./line-series.ts";
export { type Precision, parsePrecision, toNanoseconds } from "./precision.ts";
export { decodeProtobufPoints } from "./protobuf-decode.ts";
