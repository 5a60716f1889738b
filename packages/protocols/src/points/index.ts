export { type DecodedPoints, describeProblems, type PointProblem } from "./decoded.ts";
export { decodeJsonInSteps, decodeJsonPoints, decodePbJsonInSteps, decodePbJsonPoints } from "./json-decode.ts";
export * from "./limits.ts";
export {
  type DecodedReadings,
  decodeLines,
  decodeLinesInSteps,
  decodeReadingsInSteps,
  type LineOptions,
} from "./line-decode.ts";
export { encodeLines } from "./line-encode.ts";
export { type Series, SeriesCache } from "./line-series.ts";
export { type Precision, parsePrecision, toNanoseconds } from "./precision.ts";
export { decodeProtobufInSteps, decodeProtobufPoints } from "./protobuf-decode.ts";
export { Readings } from "./readings.ts";
export { runInTurns, runSteps, type Steps, type Turns } from "./steps.ts";
