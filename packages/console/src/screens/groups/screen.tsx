import { Button } from "@mantine/core";
import type { Group } from "@muster/core/resources";
import { IconPlus } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { Link } from "react-router";
import { groupsQuery } from "../../api/queries.ts";
import { usePlace } from "../../app/place.tsx";
import { useMay } from "../../app/session.tsx";
import { useSpeech } from "../../i18n/language.tsx";
import { DEFAULT_GROUP, inOrder, writeTag } from "../../logic/group-tags.ts";
import { type Column, DataTable } from "../../parts/data-table.tsx";
import { Empty } from "../../parts/empty.tsx";
import { ErrorNotice } from "../../parts/notice.tsx";
import { Page } from "../../parts/page.tsx";

/** Named sets of agents. */
export function Screen() {
  const { say, format } = useSpeech();
  usePlace([{ label: say("frame.groups") }]);
  const operator = useMay("operator");
  const { data: groups, error, refetch } = useQuery(groupsQuery);
  const columns: Column<Group>[] = [
    {
      id: "place",
      title: say("groups.order"),
      width: "56px",
      align: "end",
      cell: (group) => <span className="dim figures">{group.position}</span>,
    },
    {
      id: "name",
      title: say("groups.name"),
      width: "minmax(120px, 1fr)",
      cell: (group) => <strong className="cut foreign">{group.name}</strong>,
    },
    {
      id: "agents",
      title: say("frame.agents"),
      width: "72px",
      align: "end",
      cell: (group) => <span className="figures">{format.number(group.agents)}</span>,
    },
    {
      id: "selector",
      title: say("groups.selector"),
      width: "minmax(120px, 1.5fr)",
      hideBelow: 600,
      cell: (group) => (
        <span className="mono cut foreign">
          {group.id === DEFAULT_GROUP ? say("groups.all") : (group.selector ?? "–")}
        </span>
      ),
    },
    {
      id: "tags",
      title: say("groups.tags"),
      width: "minmax(80px, 1fr)",
      hideBelow: 1000,
      cell: (group) => <span className="mono cut foreign">{group.tags.map(writeTag).join(", ") || "–"}</span>,
    },
    {
      id: "description",
      title: say("groups.description"),
      width: "minmax(120px, 2fr)",
      hideBelow: 900,
      cell: (group) => <span className="cut foreign dim">{group.description}</span>,
    },
  ];
  const create = operator && (
    <Button component={Link} to="/groups/new" leftSection={<IconPlus size={16} />}>
      {say("groups.create")}
    </Button>
  );
  return (
    <Page fill title={say("frame.groups")} actions={create}>
      {error ? (
        <ErrorNotice error={error} retry={() => void refetch()} />
      ) : (
        <DataTable
          label={say("frame.groups")}
          columns={columns}
          rows={groups && inOrder(groups)}
          rowKey={(group) => group.id}
          rowLink={(group) => `/groups/${group.id}`}
          empty={
            <Empty title={say("groups.none")} text={say("groups.noneText")}>
              {create}
            </Empty>
          }
        />
      )}
    </Page>
  );
}
