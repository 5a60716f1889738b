import { newMessageId } from "@muster/core";

/** More ids than this make a URL that proxies cut. */
const MAX_IDS_IN_URL = 40;
const KEY = "muster-picked:";

/** Query parameters that name agents; many of them are kept in this browser tab under a key. */
export function rememberTargets(ids: readonly string[]): string {
  if (ids.length === 0) return "";
  if (ids.length <= MAX_IDS_IN_URL) return new URLSearchParams({ ids: ids.join(",") }).toString();
  const key = newMessageId();
  try {
    sessionStorage.setItem(KEY + key, JSON.stringify(ids));
  } catch {
    // full or closed storage: the page opens without targets, which means nobody
    return "";
  }
  return new URLSearchParams({ picked: key }).toString();
}

export function readPickedTargets(parameters: URLSearchParams): string[] {
  const ids = parameters.get("ids");
  if (ids) return ids.split(",").filter((id) => id !== "");
  const key = parameters.get("picked");
  if (!key) return [];
  try {
    const stored: unknown = JSON.parse(sessionStorage.getItem(KEY + key) ?? "[]");
    return Array.isArray(stored) ? stored.filter((id) => typeof id === "string") : [];
  } catch {
    return [];
  }
}
