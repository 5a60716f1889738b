import type { InputInventory } from "@muster/core/resources";
import type { DatawayFrame } from "./frame.ts";
import { readInventoryOf } from "./inventory.ts";
import { DATAWAY_LIMITS } from "./limits.ts";
import { clampHeartbeat } from "./query.ts";
import { Fields, toArray, toBase64 } from "./values.ts";

/** What era B tells of one running collector. */
export interface CollectorState {
  readonly name: string;
  /** The path that its points are written to, such as `/v1/write/metric`. */
  readonly category: string;
  readonly total: number;
  readonly count: number;
  /** RFC 3339; empty before the first. */
  readonly first: string;
  readonly last: string;
}

/** One DataKit, as it tells of itself. Empty texts are things that it does not tell. */
export interface DatakitSelf {
  readonly id: string;
  readonly version: string;
  readonly os: string;
  readonly arch: string;
  readonly name: string;
  readonly heartbeatMs: number | undefined;
  readonly enabledInputs: readonly string[];
  readonly availableInputs: readonly string[];
  readonly states: readonly CollectorState[];
  /** Only our agents tell it. */
  readonly inventory: InputInventory | undefined;
}

/** How `online` is spelt: the seed's list, era A's in base64, era B's of December or October 2020 and as documented. */
export type OnlineSpelling = "seed" | "a" | "b" | "b-october" | "b-documented";

/** The DataKits of an `online`, the owner of the connection first. Names are read in all spellings. */
export function readOnline(frame: DatawayFrame): DatakitSelf[] {
  const elements = toArray(frame.payload).slice(0, DATAWAY_LIMITS.datakits);
  return elements.map((element) => readSelf(new Fields(element)));
}

function readSelf(fields: Fields): DatakitSelf {
  const info = new Fields(fields.get("inputinfo"));
  const pick = (name: string) => (info.has(name) ? info : fields).texts(name);
  const inventory = fields.get("inventory");
  return {
    id: fields.text("id", "uuid", "dkuuid"),
    version: fields.text("version"),
    os: fields.text("os"),
    arch: fields.text("arch"),
    name: fields.text("name", "hostname"),
    heartbeatMs: clampHeartbeat(fields.text("heartbeat", "heartbeatconf")),
    enabledInputs: pick("enabledinputs"),
    availableInputs: pick("availableinputs"),
    states: toArray(info.get("state") ?? fields.get("state"))
      .slice(0, DATAWAY_LIMITS.items)
      .map(readState),
    inventory: inventory === undefined ? undefined : readInventoryOf({ inventory }),
  };
}

function readState(value: unknown): CollectorState {
  const fields = new Fields(value);
  const number = (name: string) => {
    const found = fields.get(name);
    return typeof found === "number" && Number.isFinite(found) ? found : 0;
  };
  return {
    name: fields.text("name"),
    category: fields.text("category"),
    total: number("total"),
    count: number("count"),
    first: fields.text("first"),
    last: fields.text("last"),
  };
}

/** Volunteers an `online`, or answers the question for it: then with the trace id of the question. */
export function encodeOnline(
  datakits: readonly DatakitSelf[],
  options: { readonly spelling: OnlineSpelling; readonly traceId?: string | undefined },
): string {
  const { spelling, traceId } = options;
  const [owner] = datakits;
  if (spelling === "seed") return JSON.stringify({ type: "online", trace_id: traceId, msgs: datakits.map(writeSeed) });
  if (spelling === "a") {
    const msgs = toBase64(JSON.stringify(datakits.map(writeSeed)));
    return JSON.stringify({ type: 0, trace_id: traceId, uuid: owner?.id, msgs });
  }
  const payload = owner ? WRITERS[spelling](owner) : null;
  const dest = owner ? [owner.id] : undefined;
  return JSON.stringify({ type: "online", id: traceId, dest, b64data: toBase64(JSON.stringify(payload)), code: "ok" });
}

function writeSeed(self: DatakitSelf): unknown {
  return {
    id: self.id,
    version: self.version,
    os: self.os,
    arch: self.arch,
    name: self.name,
    heartbeat: writeHeartbeat(self),
    enabled_inputs: self.enabledInputs,
    available_inputs: self.availableInputs,
    inventory: self.inventory,
  };
}

function writeCapitalised(self: DatakitSelf) {
  const { id: UUID, version: Version, os: OS, arch: Arch, name: Name } = self;
  return { UUID, Version, OS, Arch, Name, Heartbeat: writeHeartbeat(self) ?? "" };
}

const WRITERS: Readonly<Record<Exclude<OnlineSpelling, "seed" | "a">, (self: DatakitSelf) => unknown>> = {
  b: (self) => ({
    ...writeCapitalised(self),
    InputInfo: { availableInputs: self.availableInputs, enabledInputs: self.enabledInputs, state: self.states },
    inventory: self.inventory, // a name more hurts no gateway of theirs
  }),
  "b-october": (self) => ({
    ...writeCapitalised(self),
    EnabledInputs: self.enabledInputs,
    AvailableInputs: self.availableInputs,
    inventory: self.inventory,
  }),
  "b-documented": writeSeed,
};

function writeHeartbeat({ heartbeatMs }: DatakitSelf): string | undefined {
  return heartbeatMs === undefined ? undefined : `${Math.round(heartbeatMs / 1000)}s`;
}

/** The id in a heartbeat, in an object as it was sent or bare as it was documented; undefined when it names none. */
export function readHeartbeat(frame: DatawayFrame): string | undefined {
  const { payload, dest } = frame;
  const bare = typeof payload === "string" ? payload.slice(0, DATAWAY_LIMITS.wordLength) : "";
  const [element] = toArray(payload);
  return bare || new Fields(element).text("id", "uuid") || dest[0] || undefined;
}

/** A sign of life of era B, which nobody answers. */
export function encodeHeartbeat({ id, traceId }: { readonly id: string; readonly traceId: string }): string {
  return JSON.stringify({ type: "heartbeat", id: traceId, b64data: toBase64(JSON.stringify({ id })), code: "" });
}

/** Said before a reload, so that nobody takes the lost connection for an end. */
export function encodeModifyStatus({ id, traceId }: { readonly id: string; readonly traceId: string }): string {
  return JSON.stringify({ type: "modifyStatus", id: traceId, dest: [id], code: "ok" });
}
