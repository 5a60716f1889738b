export { type CallTarget, type EncodedCall, encodeCall, readAnswer } from "./calls.ts";
export { type DatawayRequest, encodeProbe, encodeRequest } from "./encode.ts";
export {
  DATAWAY_ERRORS,
  type DatawayError,
  type DatawayErrorCode,
  deriveCode,
  failureOfWords,
  fromMusterError,
  isErrorCode,
  makeFailure,
  statusOf,
} from "./errors.ts";
export { type DatawayDecodeFailure, type DatawayFrame, decodeDatawayFrame } from "./frame.ts";
export { type InputBlock, type InputConfig, type InputConfigMistake, parseInputConfig } from "./input-config.ts";
export { readInventoryOf } from "./inventory.ts";
export { DATAWAY_LIMITS } from "./limits.ts";
export { type NamedText, readNamedTexts } from "./named-texts.ts";
export {
  type CollectorState,
  type DatakitSelf,
  encodeHeartbeat,
  encodeModifyStatus,
  encodeOnline,
  type OnlineSpelling,
  readHeartbeat,
  readOnline,
} from "./online.ts";
export {
  buildConnectionQuery,
  type ConnectionQuery,
  clampHeartbeat,
  HEARTBEAT,
  parseConnectionQuery,
} from "./query.ts";
export { type DatakitReply, type DatakitRequest, encodeReply, readRequest } from "./requests.ts";
export { digestOf, TOML_LIMITS, type TomlMistake } from "./toml.ts";
export { type DatawayEra, type DatawayKind, findKind, wordFor } from "./types.ts";
export {
  createXidSource,
  decodeXid,
  encodeXid,
  isInputId,
  isLenientInputId,
  isXid,
  makeInputId,
  makeXid,
  readXid,
  type XidParts,
} from "./xid.ts";
