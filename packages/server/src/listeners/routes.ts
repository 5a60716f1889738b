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
  return path === tree || path.startsWith(`${tree}/`);
}
