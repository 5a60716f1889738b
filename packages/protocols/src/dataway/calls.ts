import { INPUT_LIMITS } from "@muster/core";
import type { InputAnswer, InputCall } from "@muster/core/resources";
import { isObject } from "../node/envelope.ts";
import { encodeRequest } from "./encode.ts";
import { makeFailure } from "./errors.ts";
import type { DatawayFrame } from "./frame.ts";
import { readInventoryOf } from "./inventory.ts";
import { readNamedTexts } from "./named-texts.ts";
import { type DatawayEra, type DatawayKind, wordFor } from "./types.ts";
import { Fields, fromBase64, toArray, toBase64 } from "./values.ts";

/** The gateway's end: what the fleet asks, in an era's words, and its answer. */

export interface CallTarget {
  readonly era: DatawayEra;
  readonly traceId: string;
  readonly dest?: string | undefined;
  /** The collector of an input-id, for era B, which knows collectors only. */
  readonly nameOf?: (inputId: string) => string | undefined;
}

export type EncodedCall =
  | { readonly ok: true; readonly text: string }
  /** The era has no word for it: why, for people. */
  | { readonly ok: false; readonly unsupported: string };

const KIND_OF: Readonly<Record<InputCall["method"], DatawayKind>> = {
  "inputs.list": "list",
  "inputs.sample": "sample",
  "inputs.read": "read",
  "inputs.set": "set",
  "inputs.remove": "remove",
  "inputs.enable": "enable",
  "inputs.disable": "disable",
  "inputs.test": "test",
  "inputs.reload": "reload",
};

/** Writes a call in one message. What an era cannot say in one message is `unsupported`. */
export function encodeCall(call: InputCall, target: CallTarget): EncodedCall {
  const { era, traceId, dest, nameOf } = target;
  const type = wordFor(KIND_OF[call.method], era);
  if (type === undefined) return { ok: false, unsupported: `era ${era.toUpperCase()} has no word for ${call.method}` };
  if (era !== "b") return { ok: true, text: encodeRequest({ era, type, traceId, dest, payload: PAYLOADS[era](call) }) };
  const payload = writePayloadOfB(call, nameOf);
  if (payload === undefined) return { ok: false, unsupported: "the collector behind this input-id is not known" };
  return { ok: true, text: encodeRequest({ era, type, traceId, dest, payload: payload.value }) };
}

const PAYLOADS = { seed: writePayloadOfSeed, a: writePayloadOfA } as const;

function writePayloadOfSeed(call: InputCall): unknown {
  switch (call.method) {
    case "inputs.list":
    case "inputs.reload":
      return undefined;
    case "inputs.sample":
      return [{ input: call.input }];
    case "inputs.read":
    case "inputs.remove":
      return [call.id];
    case "inputs.enable":
    case "inputs.disable":
      return call.ids;
    case "inputs.set":
      return [{ id: call.id, input: call.input, input_type: call.inputType, cfg: toBase64(call.toml) }];
    case "inputs.test":
      return [{ input: call.input, input_type: call.inputType, cfg: toBase64(call.toml) }];
  }
}

function writePayloadOfA(call: InputCall): unknown {
  switch (call.method) {
    case "inputs.sample":
      return { inputs: [call.input] };
    case "inputs.enable":
    case "inputs.disable":
      return { inputs: call.ids };
    case "inputs.set":
      return [{ id: call.id, input: call.input, input_type: call.inputType, config: toBase64(call.toml) }];
    default:
      return undefined;
  }
}

function writePayloadOfB(call: InputCall, nameOf: CallTarget["nameOf"]): { readonly value: unknown } | undefined {
  switch (call.method) {
    case "inputs.sample":
      return { value: [call.input] };
    case "inputs.enable":
    case "inputs.disable": {
      const names = call.ids.map((id) => nameOf?.(id));
      return names.includes(undefined) ? undefined : { value: [...new Set(names)] };
    }
    case "inputs.set":
    case "inputs.test":
      return { value: { [call.input]: { toml: toBase64(call.toml) } } };
    default:
      return { value: undefined };
  }
}

/** What an answer of any era says to a call. An answer that does not hold what was asked for is a failure. */
export function readAnswer(frame: DatawayFrame, call: InputCall): InputAnswer {
  if (frame.outcome?.ok === false) return { ok: false, failure: frame.outcome.failure };
  const inventory = readInventoryOf(call.method === "inputs.list" ? frame : { inventory: frame.inventory });
  const withInventory = inventory === undefined ? {} : { inventory };
  switch (call.method) {
    case "inputs.list":
      return inventory ? { ok: true, content: { inventory } } : miss("it does not tell its inputs");
    case "inputs.sample":
    case "inputs.read":
      return readText(frame, call.method === "inputs.sample" ? call.input : call.id);
    case "inputs.test":
      return { ok: true, content: { output: readOutput(frame, call.input) } };
    default:
      return { ok: true, content: withInventory };
  }
}

function readText(frame: DatawayFrame, name: string): InputAnswer {
  const texts = readNamedTexts(frame);
  const found =
    texts.find((one) => one.name === name || one.id === name) ?? (texts.length === 1 ? texts[0] : undefined);
  if (!found) return miss(`it does not hold ${name}`);
  if (Buffer.byteLength(found.toml) > INPUT_LIMITS.tomlBytes) return miss("the configuration is too long");
  return { ok: true, content: { toml: found.toml } };
}

/** Line protocol, which era B puts into `Result`, and put under the collector's name at first. */
function readOutput({ payload }: DatawayFrame, input: string): string {
  for (const part of toArray(payload)) {
    if (!isObject(part)) continue;
    const result = new Fields(part).get("result") ?? part[input];
    const packed = typeof result === "string" ? result : new Fields(result).get("result");
    if (typeof packed === "string") return fromBase64(packed) ?? packed;
  }
  return "";
}

function miss(message: string): InputAnswer {
  return { ok: false, failure: makeFailure("datakit.internalError", `the DataKit's answer is of no use: ${message}`) };
}
