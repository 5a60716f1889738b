/** A share of a whole ("10%") or a count (50). */
export type CountOrShare = number | `${number}%`;

/** How many of `total` a limit means: at least one for a share above zero, so that "1%" of three agents still moves. */
export function resolveCount(limit: CountOrShare, total: number): number {
  if (typeof limit === "number") return limit;
  const share = Number(limit.slice(0, -1)) / 100;
  if (share <= 0) return 0;
  return Math.max(1, Math.floor(total * share));
}

/** How many failures of `total` a budget tolerates: a share is rounded down, so "5%" of ten agents tolerates none. */
export function resolveBudget(limit: CountOrShare, total: number): number {
  if (typeof limit === "number") return limit;
  return Math.floor((total * Number(limit.slice(0, -1))) / 100);
}
