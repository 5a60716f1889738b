export { type InputBlock, type InputConfig, type InputConfigMistake, parseInputConfig } from "./input-config.ts";
export { digestOf, TOML_LIMITS, type TomlMistake } from "./toml.ts";
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
