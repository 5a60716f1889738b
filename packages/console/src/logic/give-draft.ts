import { type CountOrShare, parseDuration } from "@muster/core";
import type { RolloutWrite } from "@muster/core/resources";
import { readLimit } from "./command-draft.ts";
import { AT_ONCE, FIRST_WAVES, readWaves, type Waves } from "./wave-plan.ts";

/** A rollout as it is being written: texts as typed, not yet checked. */
export interface GiveDraft {
  readonly revision: number;
  /** Ids. */
  readonly groups: readonly string[];
  readonly pace: "once" | "waves";
  readonly waves: string;
  readonly healthy: string;
  readonly timeout: string;
  readonly budget: string;
}

export type GiveField = "groups" | "waves" | "healthy" | "timeout" | "budget";

export const FIRST_GIVE: Omit<GiveDraft, "revision" | "groups"> = {
  pace: "waves",
  waves: FIRST_WAVES,
  healthy: "30s",
  timeout: "10m",
  budget: "0",
};

const DAY_MS = 86_400_000;

/** The request, or the fields that cannot be read. */
export function readGive(
  configId: string,
  draft: GiveDraft,
): { readonly rollout: RolloutWrite } | { readonly faults: ReadonlySet<GiveField> } {
  const waves: Waves | undefined = draft.pace === "once" ? AT_ONCE : readWaves(draft.waves);
  const healthyMs = readSpan(draft.healthy, 0);
  const applyTimeoutMs = readSpan(draft.timeout, 1000);
  const failureBudget: CountOrShare | null | undefined = readLimit(draft.budget);
  const faults = new Set<GiveField>();
  if (draft.groups.length === 0) faults.add("groups");
  if (!waves) faults.add("waves");
  if (healthyMs === undefined) faults.add("healthy");
  if (applyTimeoutMs === undefined) faults.add("timeout");
  if (failureBudget === undefined) faults.add("budget");
  if (faults.size > 0 || !waves || healthyMs === undefined || applyTimeoutMs === undefined) return { faults };
  return {
    rollout: {
      configId,
      revision: draft.revision,
      groups: [...draft.groups],
      waves: [...waves],
      healthyMs,
      applyTimeoutMs,
      failureBudget: failureBudget ?? 0,
    },
  };
}

function readSpan(text: string, least: number): number | undefined {
  const words = text.replaceAll(" ", "");
  const span = words === "0" ? 0 : parseDuration(words);
  return span !== undefined && span >= least && span <= DAY_MS ? span : undefined;
}
