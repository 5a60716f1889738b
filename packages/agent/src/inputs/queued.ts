import { readdirSync } from "node:fs";

/** True when a folder holds points that an earlier process could not send. Stands alone, so that asking loads no queue. */
export function hasQueuedPoints(folder: string): boolean {
  try {
    return readdirSync(folder).some((name) => name.endsWith(".points"));
  } catch {
    return false;
  }
}
