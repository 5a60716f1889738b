import type { InputFailure, InputInventory } from "@muster/core/resources";
import { isObject } from "../node/envelope.ts";
import { placePayload } from "./encode.ts";
import { makeFailure } from "./errors.ts";
import type { DatawayFrame } from "./frame.ts";
import { listInputs } from "./inventory.ts";
import { DATAWAY_LIMITS } from "./limits.ts";
import { countNamedTexts, type NamedText, readNamedTexts } from "./named-texts.ts";
import { Fields, readTexts, toArray, toBase64 } from "./values.ts";

/** The agent's end: what a gateway of any era asks, and the answer in the words of that era. */

export type DatakitRequest =
  | { readonly kind: "online" | "list" | "reload" }
  /** Names of collectors. */
  | { readonly kind: "sample" | "enabled"; readonly names: readonly string[] }
  /** Input-ids; era B's requests name collectors instead, or files. */
  | { readonly kind: "read" | "remove" | "enable" | "disable"; readonly ids: readonly string[] }
  /** `update` replaces the file that its name names. */
  | { readonly kind: "set" | "update" | "test"; readonly configs: readonly NamedText[] };

/** What a gateway asks; a failure, to be answered, where it asks nothing that an agent could do. */
export function readRequest(frame: DatawayFrame): DatakitRequest | { readonly failure: InputFailure } {
  const { kind } = frame;
  switch (kind) {
    case "online":
    case "list":
    case "reload":
      return { kind };
    case "sample":
    case "enabled":
      return orRefuse(readNames(frame), (names) => ({ kind, names }));
    case "read":
    case "remove":
    case "enable":
    case "disable":
      return orRefuse(readNames(frame), (ids) => ({ kind, ids }));
    case "set":
    case "update":
    case "test":
      return orRefuse(readAll(frame), (configs) => ({ kind, configs }));
    default:
      // the misspelling is what gateways of era B look for
      return { failure: makeFailure("datakit.notSupported", `unknow type ${String(frame.type).slice(0, 100)}`) };
  }
}

/** Texts, the `input` or `id` of objects, or era A's `{inputs: […]}`. Empty when one of them is none. */
function readNames({ payload, kind }: DatawayFrame): readonly string[] {
  const wrapped = isObject(payload) ? new Fields(payload).get("inputs", "ids") : undefined;
  const items = toArray(wrapped ?? payload);
  if (items.length > DATAWAY_LIMITS.items) return [];
  const order = kind === "sample" || kind === "enabled" ? ["input", "id"] : ["id", "input"];
  const names = readTexts(items.map((item) => (isObject(item) ? new Fields(item).text(...order) : item)));
  return names.length === items.length ? names : [];
}

/** Empty when one of several cannot be read: lists are all or nothing. */
function readAll(frame: DatawayFrame): readonly NamedText[] {
  const configs = readNamedTexts(frame);
  return configs.length === countNamedTexts(frame) ? configs : [];
}

function orRefuse<Item>(items: readonly Item[], make: (items: readonly Item[]) => DatakitRequest) {
  return items.length > 0
    ? make(items)
    : { failure: makeFailure("datakit.badRequest", "the list is empty or not readable") };
}

/** What an agent answers. Which parts are read depends on the request. */
export type DatakitReply =
  | {
      readonly ok: true;
      /** To `sample`, `enabled` and `read`. */
      readonly texts?: readonly Pick<NamedText, "name" | "id" | "toml">[];
      /** To `test`: line protocol by collector. */
      readonly outputs?: readonly { readonly name: string; readonly output: string }[];
      /** To whatever changes something, and to `list`. */
      readonly inventory?: InputInventory;
    }
  | { readonly ok: false; readonly failure: InputFailure };

/** Answers a request in the words of its era, under its trace id. `id` is the agent's own. */
export function encodeReply(
  request: Pick<DatawayFrame, "era" | "type" | "traceId">,
  reply: DatakitReply,
  id: string,
): string {
  const { era, type, traceId } = request;
  if (era === "b") {
    const payload = reply.ok ? writeContentOfB(reply) : writeWords(reply.failure);
    const code = reply.ok ? "ok" : reply.failure.code === "datakit.badRequest" ? "bad_request" : "error";
    const b64data = payload === undefined ? undefined : toBase64(JSON.stringify(payload));
    return JSON.stringify({ type, id: traceId, dest: [id], b64data, code });
  }
  const failure = reply.ok ? undefined : writeFailure(reply.failure);
  if (era === "a") {
    const resp = reply.ok ? (writeContent(reply) ?? "ok") : failure;
    return JSON.stringify({ type, trace_id: traceId, uuid: id, resp });
  }
  const about = { type: type === "" ? undefined : type, trace_id: traceId, dest: [id] };
  if (!reply.ok) return JSON.stringify({ ...about, ...failure });
  const { inventory } = reply;
  return JSON.stringify({ ...about, code: "ok", status: 200, ...placePayload(writeContent(reply)), inventory });
}

type Success = Extract<DatakitReply, { ok: true }>;

function writeFailure({ code, status, message, line, column }: InputFailure) {
  return { code, status, msg: message, line, column };
}

/** Era B has nothing but words: the place of a mistake goes into them. */
function writeWords({ message, line, column }: InputFailure): string {
  if (line === undefined || /\bline \d/.test(message)) return message;
  return `${message} (line ${line}${column === undefined ? "" : `, column ${column}`})`;
}

function writeContent({ texts, outputs, inventory }: Success): unknown {
  if (texts)
    return texts.map(({ name, id, toml }) => ({ id, input: name, input_type: "datakit", cfg: toBase64(toml) }));
  if (outputs) return outputs.map(({ name, output }) => ({ input: name, result: toBase64(output) }));
  return inventory && listInputs(inventory);
}

/** Configurations are base64 within base64 there. */
function writeContentOfB({ texts, outputs }: Success): unknown {
  if (texts) return texts.map(({ name, toml }) => ({ [name]: { toml: toBase64(toml) } }));
  if (!outputs) return undefined;
  return Object.fromEntries(outputs.map(({ name, output }) => [name, { Result: toBase64(output), Desc: "" }]));
}
