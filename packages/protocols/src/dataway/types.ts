import { simplify } from "./values.ts";

/**
 * What a frame is about, whichever era's word it carries. The table of words is in docs/protocols/dataway.md, "Words".
 * - sample: the configuration to start from         - enabled: those that run
 * - list, read, remove: of ours; no era had them    - update: era B's replacing of one file by another
 * - capture: era B's packet capture                 - error: the seed's errors, which carry no type
 */
export type DatawayKind =
  | "online"
  | "heartbeat"
  | "status"
  | "list"
  | "sample"
  | "read"
  | "enabled"
  | "set"
  | "update"
  | "remove"
  | "enable"
  | "disable"
  | "test"
  | "reload"
  | "capture"
  | "error"
  | "unknown";

export type DatawayEra = "seed" | "a" | "b";

/** What each era calls a kind, where it has a word for it. Ours are in the seed's column. */
const WORDS: readonly (readonly [kind: DatawayKind, seed: string | null, b: string | null, a: number | null])[] = [
  ["online", "online", "online", 0],
  ["heartbeat", "heartbeat", "heartbeat", 6],
  ["status", "modify-status", "modifyStatus", null],
  ["list", "list-inputs", null, null],
  ["sample", "get-config", "get_input_config", 2],
  ["read", "read-inputs", null, null],
  ["enabled", "get-enabled-config", "get_enabled_input_config", null],
  ["set", "config", "set_input_config", 1],
  ["update", null, "update_enabled_input_config", null],
  ["remove", "remove-inputs", null, null],
  ["enable", "enable-inputs", "enable_input_config", 5],
  ["disable", "disable-inputs", "disable_input_config", 4],
  ["test", "test-config", "test_input_config", null],
  ["reload", "reload", "reload", 3],
  ["capture", null, "csharkCmd", null],
];

/** Numbers of a draft of October 2020, above those of era A. */
const DRAFT_NUMBERS: Readonly<Record<number, DatawayKind>> = {
  100: "enabled",
  102: "set",
  103: "remove",
  104: "reload",
  105: "sample",
  106: "test",
};

const KINDS = new Map<string | number, DatawayKind>();
const B_WORDS = new Set<string>();
for (const [kind, seed, b, a] of WORDS) {
  if (seed !== null) KINDS.set(normalise(seed), kind);
  if (b !== null) KINDS.set(normalise(b), kind);
  if (b !== null && (seed === null || normalise(seed) !== normalise(b))) B_WORDS.add(normalise(b));
  if (a !== null) KINDS.set(a, kind);
}
B_WORDS.add("heartbeat").add("modifystatu");
for (const [number, kind] of Object.entries(DRAFT_NUMBERS)) KINDS.set(Number(number), kind);

/** `-` and `_`, case and a plural do not matter. */
export function findKind(type: string | number): DatawayKind {
  return KINDS.get(typeof type === "number" ? type : normalise(type)) ?? "unknown";
}

/** True for words that only era B used. */
export function isWordOfB(type: string): boolean {
  return B_WORDS.has(normalise(type));
}

/** The era's word for a kind; undefined where it has none. */
export function wordFor(kind: DatawayKind, era: DatawayEra): string | number | undefined {
  const [, seed, b, a] = WORDS.find(([known]) => known === kind) ?? [];
  return { seed, b, a }[era] ?? undefined;
}

function normalise(type: string): string {
  return simplify(type)
    .replace(/inputs?config$/, "inputconfig")
    .replace(/s$/, "");
}
