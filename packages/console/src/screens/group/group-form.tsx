import { Button, Group as Line, NumberInput, Stack, TagsInput, Textarea, TextInput } from "@mantine/core";
import type { Group, GroupWrite } from "@muster/core/resources";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useNavigate } from "react-router";
import { client } from "../../api/client.ts";
import { refreshConfigs } from "../../api/config-queries.ts";
import { groupsQuery } from "../../api/queries.ts";
import { useMay } from "../../app/session.tsx";
import { useSpeech } from "../../i18n/language.tsx";
import { findSelectorFault } from "../../logic/agent-filter.ts";
import { DEFAULT_GROUP, type GroupTag, readTag, writeTag } from "../../logic/group-tags.ts";
import { AgentPicker } from "../../parts/agent-picker.tsx";
import { ErrorNotice } from "../../parts/notice.tsx";
import { SelectorInput } from "../../parts/selector-input.tsx";
import { GroupMembers } from "./group-members.tsx";
import { GroupPreview } from "./group-preview.tsx";

/** Name, place in the order, and who belongs: by labels, by tags, by hand. Everyone is in the default group as it is. */
export function GroupForm({ group }: { group: Group | undefined }) {
  const { say } = useSpeech();
  const operator = useMay("operator");
  const [name, setName] = useState(group?.name ?? "");
  const [description, setDescription] = useState(group?.description ?? "");
  const [selector, setSelector] = useState(group?.selector ?? "");
  const [tags, setTags] = useState<readonly GroupTag[]>(group?.tags ?? []);
  const [position, setPosition] = useState<number | undefined>(group?.position);
  const [agentIds, setAgentIds] = useState<readonly string[]>(group?.agentIds ?? []);
  const save = useSave(group);
  const isEveryone = group?.id === DEFAULT_GROUP;
  const valid = name.trim() !== "" && findSelectorFault(selector) === undefined;
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
          tags: [...tags],
          ...(position !== undefined && { position }),
        });
      }}
    >
      <Stack gap="lg">
        <TextInput
          label={say("groups.name")}
          value={name}
          maxLength={100}
          readOnly={!operator || isEveryone}
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
        <NumberInput
          label={say("groups.place")}
          description={say("groups.placeText")}
          placeholder={say("groups.placeLast")}
          value={position ?? ""}
          min={0}
          max={1_000_000_000}
          allowDecimal={false}
          hideControls
          readOnly={!operator}
          onChange={(value) => setPosition(typeof value === "number" ? value : undefined)}
        />
        {isEveryone ? (
          <p className="dim">{say("groups.everyone")}</p>
        ) : (
          <>
            <SelectorInput label={say("groups.selector")} value={selector} onChange={setSelector} />
            <TagsInput
              label={say("groups.tags")}
              description={say("groups.tagsText")}
              placeholder={tags.length === 0 ? "tier=web" : ""}
              value={tags.map(writeTag)}
              maxTags={256}
              readOnly={!operator}
              onChange={(written) => setTags(written.flatMap((text) => readTag(text) ?? []))}
            />
            <Stack gap="sm">
              <strong>{say("groups.members")}</strong>
              {operator && <AgentPicker chosen={agentIds} onAdd={(id) => setAgentIds([...agentIds, id])} />}
              <GroupMembers ids={agentIds} {...(operator && { onChange: setAgentIds })} />
            </Stack>
            <GroupPreview selector={selector} tags={tags} agentIds={agentIds} />
          </>
        )}
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

function useSave(group: Group | undefined) {
  const navigate = useNavigate();
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (write: GroupWrite) => (group ? client.groups.replace(group.id, write) : client.groups.create(write)),
    onSuccess: (saved) => {
      queries.setQueryData(["group", saved.id], saved);
      void queries.invalidateQueries({ queryKey: groupsQuery.queryKey });
      void refreshConfigs(queries);
      void navigate(group ? "/groups" : `/groups/${saved.id}`, { replace: true });
    },
  });
}
