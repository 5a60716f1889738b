import type { AvailableInput, TargetPreview } from "@muster/core/resources";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { client } from "../../api/client.ts";
import { type CommandDraft, toTargets } from "../../logic/command-draft.ts";

/** Agents that are asked what they can collect before one gives up. */
const MOST_ASKED = 5;

/** Who is meant, and the one of them whose collectors and samples stand for all. */
export interface InputTargets {
  readonly preview: TargetPreview | undefined;
  readonly error: Error | null;
  /** Null when none of those that are online takes inputs; undefined while that is not known. */
  readonly speaker: Speaker | null | undefined;
}

export interface Speaker {
  readonly id: string;
  readonly name: string;
  readonly available: readonly AvailableInput[];
}

export function useTargets(draft: CommandDraft): InputTargets {
  const targets = toTargets(draft);
  const isNobody = !targets.all && !targets.selector && !targets.ids?.length && !targets.groups?.length;
  const preview = useQuery({
    queryKey: ["preview", "inputs", targets],
    queryFn: () => client.commands.preview(targets),
    enabled: !isNobody,
    placeholderData: keepPreviousData,
    retry: false,
  });
  const known = isNobody ? { total: 0, online: 0, items: [] } : preview.data;
  const candidates = (known?.items ?? []).filter(({ status }) => status === "online").slice(0, MOST_ASKED);
  const speaker = useQuery({
    queryKey: ["input-speaker", candidates.map(({ id }) => id)],
    queryFn: () => findSpeaker(candidates),
    enabled: known !== undefined,
    staleTime: 60_000,
  });
  return { preview: known, error: preview.error, speaker: speaker.data };
}

async function findSpeaker(candidates: readonly { id: string; name: string }[]): Promise<Speaker | null> {
  for (const { id, name } of candidates) {
    // one that cannot, or is just leaving, is no reason to ask nobody
    const available = await client.inputs.available(id).catch(() => []);
    if (available.length > 0) return { id, name, available };
  }
  return null;
}
