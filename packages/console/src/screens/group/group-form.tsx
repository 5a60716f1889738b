import { Button, Group as Line, Stack, Textarea, TextInput } from "@mantine/core";
import type { Group, GroupWrite } from "@muster/core/resources";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useNavigate } from "react-router";
import { client } from "../../api/client.ts";
import { groupsQuery } from "../../api/queries.ts";
import { useMay } from "../../app/session.tsx";
import { useSpeech } from "../../i18n/language.tsx";
import { findSelectorFault } from "../../logic/agent-filter.ts";
import { AgentPicker } from "../../parts/agent-picker.tsx";
import { ErrorNotice } from "../../parts/notice.tsx";
import { SelectorInput } from "../../parts/selector-input.tsx";
import { GroupMembers } from "./group-members.tsx";

/** Name, rule and hand-picked members of a group. */
export function GroupForm({ group }: { group: Group | undefined }) {
  const { say } = useSpeech();
  const operator = useMay("operator");
  const [name, setName] = useState(group?.name ?? "");
  const [description, setDescription] = useState(group?.description ?? "");
  const [selector, setSelector] = useState(group?.selector ?? "");
  const [agentIds, setAgentIds] = useState<readonly string[]>(group?.agentIds ?? []);
  const save = useSave(group);
  const valid = name.trim() !== "" && findSelectorFault(selector) === undefined;
  const preview = usePreview(selector, agentIds);
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        if (!valid) return;
        save.mutate({
          name: name.trim(),
          description,
          selector: selector === "" ? null : selector,
          agentIds: [...agentIds],
        });
      }}
    >
      <Stack gap="lg">
        <TextInput
          label={say("groups.name")}
          value={name}
          maxLength={100}
          readOnly={!operator}
          onChange={(event) => setName(event.currentTarget.value)}
        />
        <Textarea
          label={say("groups.description")}
          value={description}
          maxLength={1000}
          autosize
          minRows={2}
          readOnly={!operator}
          onChange={(event) => setDescription(event.currentTarget.value)}
        />
        <SelectorInput label={say("groups.selector")} value={selector} onChange={setSelector} />
        <Stack gap="sm">
          <strong>{say("groups.members")}</strong>
          {operator && <AgentPicker chosen={agentIds} onAdd={(id) => setAgentIds([...agentIds, id])} />}
          <GroupMembers ids={agentIds} {...(operator && { onChange: setAgentIds })} />
        </Stack>
        {preview !== undefined && <span className="dim">{say("groups.matches", { count: preview })}</span>}
        {save.error && <ErrorNotice error={save.error} />}
        {operator && (
          <Line gap="sm">
            <Button type="submit" disabled={!valid} loading={save.isPending}>
              {group ? say("groups.save") : say("groups.create")}
            </Button>
          </Line>
        )}
      </Stack>
    </form>
  );
}

function usePreview(selector: string, agentIds: readonly string[]): number | undefined {
  const usable = findSelectorFault(selector) === undefined;
  const { data } = useQuery({
    queryKey: ["preview", "group", selector, agentIds],
    queryFn: () => client.commands.preview({ ids: [...agentIds], ...(selector !== "" && { selector }) }),
    enabled: usable && (selector !== "" || agentIds.length > 0),
    retry: false,
  });
  return data?.total;
}

function useSave(group: Group | undefined) {
  const navigate = useNavigate();
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (write: GroupWrite) => (group ? client.groups.replace(group.id, write) : client.groups.create(write)),
    onSuccess: (saved) => {
      queries.setQueryData(["group", saved.id], saved);
      void queries.invalidateQueries({ queryKey: groupsQuery.queryKey });
      void navigate(group ? "/groups" : `/groups/${saved.id}`, { replace: true });
    },
  });
}
