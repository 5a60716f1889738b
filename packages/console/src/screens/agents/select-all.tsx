import { UnstyledButton } from "@mantine/core";
import { collectAll } from "@muster/sdk";
import { useMutation } from "@tanstack/react-query";
import { client } from "../../api/client.ts";
import { useSpeech } from "../../i18n/language.tsx";
import { type AgentFilter, toListQuery } from "../../logic/agent-filter.ts";
import { type Selection, selectAll } from "../../logic/selection.ts";
import type { AgentList } from "./use-agent-list.ts";

/** Offers to pick everything that matches, also what is not loaded yet. */
export function SelectAll(props: {
  list: AgentList;
  filter: AgentFilter;
  selection: Selection;
  onSelection: (selection: Selection) => void;
}) {
  const { list, filter, selection, onSelection } = props;
  const { say } = useSpeech();
  const fetchAll = useMutation({
    mutationFn: () => collectAll(client.agents.listAll(toListQuery(filter))),
    onSuccess: (agents) => onSelection(selectAll(agents.map((agent) => agent.id))),
  });
  if (list.total === undefined || selection.ids.size >= list.total) return null;
  return (
    <UnstyledButton fz="xs" c="var(--m-accent)" disabled={fetchAll.isPending} onClick={() => fetchAll.mutate()}>
      {fetchAll.isPending ? say("agents.pickingAll") : say("agents.pickAll", { count: list.total })}
    </UnstyledButton>
  );
}
