import { type CountOrShare, resolveCount } from "@muster/core";
import { readLimit } from "./command-draft.ts";

/** Waves of a rollout as they are written: `1, 10%, 50%`. Each is how many agents are begun by then. */
export type Waves = readonly CountOrShare[];

export const AT_ONCE: Waves = ["100%"];
export const FIRST_WAVES = "1, 10%, 50%, 100%";
const MOST = 20;

/** Undefined for what cannot be read or does not grow. The last wave is everyone, whether that is written or not. */
export function readWaves(text: string): Waves | undefined {
  const words = text
    .split(/[,，、\s]+/)
    .map((word) => word.trim())
    .filter((word) => word !== "");
  const waves: CountOrShare[] = [];
  for (const word of words) {
    const wave = readLimit(word);
    if (wave === undefined || wave === null || Number.parseFloat(String(wave)) <= 0) return undefined;
    waves.push(wave);
  }
  if (waves.at(-1) !== "100%") waves.push("100%");
  return waves.length <= MOST && grows(waves) ? waves : undefined;
}

/** Counts can be compared with counts and shares with shares; how the two compare depends on how many agents there are. */
function grows(waves: Waves): boolean {
  for (const kind of ["number", "string"]) {
    const sizes = waves.filter((wave) => typeof wave === kind).map((wave) => Number.parseFloat(String(wave)));
    if (sizes.some((size, index) => index > 0 && size <= (sizes[index - 1] ?? 0))) return false;
  }
  return true;
}

/** How many of `total` agents each wave begins; waves that begin nobody are 0. */
export function dealWaves(waves: Waves, total: number): number[] {
  let begun = 0;
  return waves.map((wave) => {
    const size = Math.max(0, Math.min(total, resolveCount(wave, total)) - begun);
    begun += size;
    return size;
  });
}
