import { POINT_CATEGORIES, type PointCategory } from "@muster/core";

/** What a request to the intake wants. */
export type IntakeTarget =
  | { readonly kind: "write"; readonly category: PointCategory }
  /** A category that nobody knows, or one whose content we do not keep. */
  | { readonly kind: "unknown-category"; readonly name: string }
  /** InfluxDB's own write paths, versions 1 and 2. */
  | { readonly kind: "influx-write"; readonly version: 1 | 2 }
  | { readonly kind: "influx-query" }
  | { readonly kind: "influx-ping" }
  | { readonly kind: "side"; readonly name: SidePath; readonly rest: string };

/** What agents ask of a DataWay besides writing. */
export type SidePath =
  | "check-token"
  | "pull"
  | "election"
  | "list-dataway"
  | "workspace"
  | "ntp"
  | "usage-trace"
  | "heartbeat"
  | "env-variable"
  | "unsupported";

interface IntakePath {
  readonly path: string;
  /** `tree` covers everything below the path. */
  readonly covers: "exact" | "tree";
  readonly methods: readonly string[];
}

/** Every path that the intake answers, for the table of the main port and for the door. Each also takes OPTIONS. */
export const INTAKE_PATHS: readonly IntakePath[] = [
  { path: "/v1/write", covers: "tree", methods: ["POST"] },
  { path: "/write", covers: "exact", methods: ["POST"] },
  { path: "/query", covers: "exact", methods: ["GET", "POST"] },
  { path: "/ping", covers: "exact", methods: ["GET", "HEAD", "POST"] },
  { path: "/api/v2/write", covers: "exact", methods: ["POST"] },
  { path: "/v1/check/token", covers: "tree", methods: ["GET"] },
  { path: "/v1/datakit/pull", covers: "exact", methods: ["GET"] },
  { path: "/v1/datakit/usage_trace", covers: "exact", methods: ["POST"] },
  { path: "/v1/election", covers: "tree", methods: ["POST"] },
  { path: "/v2/list/dataway", covers: "exact", methods: ["GET"] },
  { path: "/v1/workspace", covers: "exact", methods: ["POST"] },
  { path: "/v1/ntp", covers: "exact", methods: ["GET"] },
  // the first agents wrote the version twice
  { path: "/v1/v1/heartbeat", covers: "exact", methods: ["POST"] },
  { path: "/v1/env_variable", covers: "exact", methods: ["GET"] },
  { path: "/v1/query/raw", covers: "exact", methods: ["POST"] },
  { path: "/v1/object/labels", covers: "exact", methods: ["POST", "DELETE"] },
  { path: "/v1/log", covers: "exact", methods: ["POST"] },
  { path: "/v1/upload/profiling", covers: "exact", methods: ["POST"] },
];

/** Whether the intake answers this request; also when only its method is wrong, which it says itself. */
export function isIntakePath(_method: string, path: string): boolean {
  return findPath(path) !== undefined;
}

/** The methods of a path of ours; empty for a path that is none. */
export function methodsOf(path: string): readonly string[] {
  return findPath(path)?.methods ?? [];
}

function findPath(path: string): IntakePath | undefined {
  return INTAKE_PATHS.find((one) => path === one.path || (one.covers === "tree" && path.startsWith(`${one.path}/`)));
}

const SIDE_PATHS: Readonly<Record<string, SidePath>> = {
  "/v1/datakit/pull": "pull",
  "/v1/datakit/usage_trace": "usage-trace",
  "/v1/election": "election",
  "/v1/election/heartbeat": "election",
  "/v2/list/dataway": "list-dataway",
  "/v1/workspace": "workspace",
  "/v1/ntp": "ntp",
  "/v1/write/heartbeat": "heartbeat",
  "/v1/v1/heartbeat": "heartbeat",
  "/v1/env_variable": "env-variable",
};

const ALIASES: Readonly<Record<string, PointCategory>> = { metrics: "metric", event: "keyevent" };

/** What a path of ours means. */
export function readTarget(path: string): IntakeTarget {
  if (path === "/write") return { kind: "influx-write", version: 1 };
  if (path === "/api/v2/write") return { kind: "influx-write", version: 2 };
  if (path === "/query") return { kind: "influx-query" };
  if (path === "/ping") return { kind: "influx-ping" };
  if (Object.hasOwn(SIDE_PATHS, path)) return { kind: "side", name: SIDE_PATHS[path] ?? "unsupported", rest: "" };
  if (path.startsWith("/v1/check/token")) return { kind: "side", name: "check-token", rest: path.slice(16) };
  if (path === "/v1/write") return { kind: "write", category: "metric" };
  if (path.startsWith("/v1/write/")) return readCategory(path.slice("/v1/write/".length));
  return { kind: "side", name: "unsupported", rest: "" };
}

function readCategory(name: string): IntakeTarget {
  const category = Object.hasOwn(ALIASES, name) ? ALIASES[name] : POINT_CATEGORIES.find((known) => known === name);
  return category ? { kind: "write", category } : { kind: "unknown-category", name };
}
