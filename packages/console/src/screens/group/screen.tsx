import { Button } from "@mantine/core";
import type { Group } from "@muster/core/resources";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Link, useNavigate, useParams } from "react-router";
import { client } from "../../api/client.ts";
import { groupsQuery } from "../../api/queries.ts";
import { usePlace } from "../../app/place.tsx";
import { useMay } from "../../app/session.tsx";
import { useSpeech } from "../../i18n/language.tsx";
import { DEFAULT_GROUP } from "../../logic/group-tags.ts";
import { Confirm } from "../../parts/confirm.tsx";
import { ErrorNotice } from "../../parts/notice.tsx";
import { Page } from "../../parts/page.tsx";
import { GroupConfigs } from "./group-configs.tsx";
import { GroupForm } from "./group-form.tsx";

/** One group: who belongs to it and why. `/groups/new` writes a new one. */
export function Screen() {
  const { groupId = "" } = useParams();
  const { say } = useSpeech();
  const creating = groupId === "new";
  const query = useQuery({
    queryKey: ["group", groupId],
    queryFn: () => client.groups.get(groupId),
    enabled: !creating,
  });
  const title = creating ? say("groups.create") : (query.data?.name ?? "…");
  usePlace([{ label: say("frame.groups"), to: "/groups" }, { label: title }]);
  if (query.error) {
    return (
      <Page title={say("frame.groups")} prose>
        <ErrorNotice error={query.error} retry={() => void query.refetch()} />
      </Page>
    );
  }
  const group = query.data;
  return (
    <Page title={title} prose actions={group && <GroupActions group={group} />}>
      {(creating || group) && <GroupForm key={groupId} group={group} />}
      {group && <GroupConfigs group={group} />}
    </Page>
  );
}

function GroupActions({ group }: { group: Group }) {
  const { say } = useSpeech();
  const navigate = useNavigate();
  const queries = useQueryClient();
  const operator = useMay("operator");
  const [asking, setAsking] = useState(false);
  const remove = useMutation({
    mutationFn: () => client.groups.remove(group.id),
    onSuccess: () => {
      void queries.invalidateQueries({ queryKey: groupsQuery.queryKey });
      void navigate("/groups");
    },
  });
  return (
    <>
      <Button variant="default" component={Link} to={`/agents?group=${group.id}`}>
        {say("groups.showAgents", { count: group.agents })}
      </Button>
      {operator && (
        <>
          <Button variant="default" component={Link} to={`/commands/new?group=${group.id}`}>
            {say("newCommand.title")}
          </Button>
          <Button variant="default" component={Link} to={`/agents/add-input?group=${group.id}`}>
            {say("inputs.addMany")}
          </Button>
          {group.id !== DEFAULT_GROUP && (
            <Button variant="default" c="var(--m-wrong)" onClick={() => setAsking(true)}>
              {say("groups.remove")}
            </Button>
          )}
        </>
      )}
      {asking && (
        <Confirm
          title={say("groups.removeTitle", { name: group.name })}
          action={say("groups.remove")}
          error={remove.error}
          busy={remove.isPending}
          onConfirm={() => remove.mutate()}
          onClose={() => setAsking(false)}
        >
          {say("groups.removeText")}
        </Confirm>
      )}
    </>
  );
}
