import type { DatawayEra } from "./types.ts";
import { toBase64 } from "./values.ts";

/** One message down, in the words of its era. */
export interface DatawayRequest {
  readonly era: DatawayEra;
  readonly type: string | number;
  /** Made and kept by the gateway; comes back with the answer. */
  readonly traceId: string;
  /** The DataKit that is meant. Era A and B always name it; the seed's form only does for one behind another's socket. */
  readonly dest?: string | undefined;
  /** Under `msgs` when an array of objects, else under `msg`; the later eras wrap it in base64. */
  readonly payload?: unknown;
}

/** Writes one message down. */
export function encodeRequest({ era, type, traceId, dest, payload }: DatawayRequest): string {
  const wrapped = payload === undefined ? undefined : toBase64(JSON.stringify(payload));
  if (era === "a") return JSON.stringify({ type, trace_id: traceId, uuid: dest, msgs: wrapped ?? toBase64("null") });
  if (era === "b")
    return JSON.stringify({
      type,
      id: traceId,
      dest: dest === undefined ? undefined : [dest],
      b64data: wrapped,
      code: "",
    });
  return JSON.stringify({
    type,
    trace_id: traceId,
    dest: dest === undefined ? undefined : [dest],
    ...placePayload(payload),
  });
}

/** The seed writes lists of objects as `msgs` and all else as `msg`. */
export function placePayload(payload: unknown): { msgs: unknown } | { msg: unknown } {
  const isList = Array.isArray(payload) && payload.every((item) => typeof item === "object" && item !== null);
  return isList && payload.length > 0 ? { msgs: payload } : { msg: payload ?? null };
}

/** The question who is there, in a form that DataKits of every era with words can read. */
export function encodeProbe({
  traceId,
  dest,
}: {
  readonly traceId: string;
  readonly dest?: string | undefined;
}): string {
  const empty = { UUID: "", Version: "", OS: "", Arch: "", Name: "", Heartbeat: "", InputInfo: null };
  const b64data = toBase64(JSON.stringify(empty));
  return JSON.stringify({
    type: "online",
    id: traceId,
    trace_id: traceId,
    dest: dest === undefined ? undefined : [dest],
    b64data,
    code: "",
  });
}
