/** Who answers on the main port: our API, the console, or a door by its name. */
export type RouteOwner = "api" | "console" | { readonly door: string };

export interface Route {
  readonly path: string;
  /** `tree` covers the path and everything below it, at slashes only. */
  readonly covers: "exact" | "tree";
  readonly owner: RouteOwner;
  /** Trees inside this one that belong to somebody else, or to nobody yet. */
  readonly except?: readonly string[];
}

const NODE: RouteOwner = { door: "node" };
const DATAWAY: RouteOwner = { door: "dataway" };

/** What DataKits, their web and writers of InfluxDB ask for: docs/protocols/dataway.md lists each. */
const DATAWAY_TREES = ["/v1/datakits", "/v1/write", "/v1/check/token", "/v1/election"] as const;
const DATAWAY_PATHS = [
  "/v1/ws/datakit",
  "/v1/check/auth",
  "/v1/datakit/online",
  "/v1/datakit/info",
  "/v1/datakit/pull",
  "/v1/datakit/usage_trace",
  "/v2/list/dataway",
  "/v1/workspace",
  "/v1/ntp",
  "/v1/v1/heartbeat",
  "/v1/env_variable",
  "/v1/query/raw",
  "/v1/object/labels",
  "/v1/log",
  "/v1/upload/profiling",
  "/write",
  "/query",
  "/ping",
  "/api/v2/write",
] as const;

/**
 * The one table of the main port (contract, section 3). No path belongs to two rows; what no row covers is the
 * console's, which answers with a page or with 404.
 */
export const ROUTES: readonly Route[] = [
  { path: "/", covers: "exact", owner: "console" },
  { path: "/assets", covers: "tree", owner: "console" },
  { path: "/fleet/v1", covers: "tree", owner: "api" },
  { path: "/healthz", covers: "exact", owner: "api" },
  { path: "/readyz", covers: "exact", owner: "api" },
  { path: "/metrics", covers: "exact", owner: "api" },
  { path: "/api/v1", covers: "tree", owner: NODE, except: ["/api/v1/User"] },
  { path: "/ws/client", covers: "exact", owner: NODE },
  { path: "/User", covers: "tree", owner: { door: "configserver" } },
  { path: "/Agent", covers: "tree", owner: { door: "configserver" } },
  { path: "/api/v1/User", covers: "tree", owner: { door: "configserver-g1" } },
  { path: "/configserver/g0", covers: "tree", owner: { door: "configserver-g0" } },
  { path: "/configserver/g1", covers: "tree", owner: { door: "configserver-g1" } },
  { path: "/configserver/g2", covers: "tree", owner: { door: "configserver-g2" } },
  ...DATAWAY_TREES.map((path): Route => ({ path, covers: "tree", owner: DATAWAY })),
  ...DATAWAY_PATHS.map((path): Route => ({ path, covers: "exact", owner: DATAWAY })),
];

/** True when the row covers the path. Paths are compared as they came: an encoded slash is no slash. */
export function covers(route: Route, path: string): boolean {
  if (route.covers === "exact") return path === route.path;
  if (!isInside(path, route.path)) return false;
  return !(route.except ?? []).some((tree) => isInside(path, tree));
}

export function findOwner(path: string, routes: readonly Route[] = ROUTES): RouteOwner {
  return routes.find((route) => covers(route, path))?.owner ?? "console";
}

function isInside(path: string, tree: string): boolean {
  return path.startsWith(tree) && (path.length === tree.length || path[tree.length] === "/");
}
