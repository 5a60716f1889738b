import { readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { isManagedId } from "./conf-dir.ts";

/** A file of this host that is gone may come back; what was kept for it is deleted once nobody used it for so long. */
const KEPT_FOR_MS = 7 * 24 * 3_600_000;

export interface Leftovers {
  /** Folders in which each input has something of its own, named after its key. */
  readonly folders: readonly string[];
  /** Of the inputs that there are. */
  readonly keys: ReadonlySet<string>;
  readonly now: number;
}

/**
 * Deletes what was kept for inputs that are no more: somebody deleted a file by hand, or a crash came between an input's
 * end and that of its positions. Ids of managed inputs are never given again, so theirs go at once.
 */
export function sweepLeftovers({ folders, keys, now }: Leftovers): void {
  for (const folder of folders) {
    for (const name of listNames(folder)) {
      const path = join(folder, name);
      const key = name.replace(/\.conf(\.new)?$/, "");
      const isLost = !keys.has(key) && (isManagedId(key) || now - usedAt(path) > KEPT_FOR_MS);
      if (isLost || name.endsWith(".new")) rmSync(path, { recursive: true, force: true });
    }
  }
}

function listNames(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** When something in there was last written. */
function usedAt(path: string): number {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (!stats) return 0;
  const inside = stats.isDirectory() ? listNames(path).map((name) => usedAt(join(path, name))) : [];
  return Math.max(stats.mtimeMs, ...inside);
}
