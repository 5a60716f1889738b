import type { Command } from "@muster/core/resources";
import { useQuery } from "@tanstack/react-query";
import { groupsQuery } from "../api/queries.ts";
import { useSpeech } from "../i18n/language.tsx";

/** Who a command was meant for, in words; everyone is always spelled out. */
export function useTargetWords(targets: Command["targets"]): string {
  const { say } = useSpeech();
  const { data: groups = [] } = useQuery({ ...groupsQuery, enabled: targets.groups.length > 0 });
  if (targets.all) return say("targets.everyone");
  const names = targets.groups.map((id) => groups.find((group) => group.id === id)?.name ?? id);
  const parts = [
    targets.ids.length > 0 && say("targets.picked", { count: targets.ids.length }),
    targets.selector !== null && targets.selector !== "" && say("targets.labels", { selector: targets.selector }),
    names.length > 0 && say("targets.groups", { names: names.join(", ") }),
  ];
  return parts.filter((part) => part !== false).join(" + ");
}
