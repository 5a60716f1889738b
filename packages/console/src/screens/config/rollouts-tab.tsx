import type { Config, Rollout } from "@muster/core/resources";
import { useQuery } from "@tanstack/react-query";
import { rolloutsQuery } from "../../api/config-queries.ts";
import { useSpeech } from "../../i18n/language.tsx";
import { sumRollout } from "../../logic/rollout-picture.ts";
import { Age } from "../../parts/age.tsx";
import { RolloutStateWord } from "../../parts/config-state.tsx";
import { type Column, DataTable } from "../../parts/data-table.tsx";
import { Empty } from "../../parts/empty.tsx";
import { ErrorNotice } from "../../parts/notice.tsx";
import { WaveBar } from "../../parts/wave-bar.tsx";

/** How revisions of this config came to groups, newest first. */
export function RolloutsTab({ config }: { config: Config }) {
  const { say } = useSpeech();
  const { data, error, refetch } = useQuery(rolloutsQuery(config.id));
  const columns: Column<Rollout>[] = [
    {
      id: "state",
      title: say("inputs.status"),
      width: "120px",
      cell: ({ state, reason }) => <RolloutStateWord state={state} reason={reason} />,
    },
    {
      id: "revision",
      title: say("inputs.revision"),
      width: "72px",
      align: "end",
      cell: ({ revision }) => <span className="figures">{revision}</span>,
    },
    {
      id: "groups",
      title: say("frame.groups"),
      width: "minmax(80px, 1.5fr)",
      hideBelow: 560,
      cell: ({ groups }) => <span className="cut foreign">{groups.map(({ name }) => name).join(", ")}</span>,
    },
    {
      id: "progress",
      title: say("commands.progress"),
      width: "minmax(80px, 1fr)",
      cell: (rollout) => <WaveBar sum={sumRollout(rollout)} />,
    },
    {
      id: "by",
      title: say("revisions.who"),
      width: "minmax(70px, 140px)",
      hideBelow: 760,
      cell: ({ createdBy }) => <span className="cut foreign dim">{createdBy}</span>,
    },
    {
      id: "when",
      title: say("revisions.when"),
      width: "92px",
      hideBelow: 420,
      cell: ({ createdAt }) => <Age at={createdAt} />,
    },
  ];
  if (error && !data) return <ErrorNotice error={error} retry={() => void refetch()} />;
  return (
    <DataTable<Rollout>
      label={say("config.tab.rollouts")}
      columns={columns}
      rows={data}
      rowKey={({ id }) => id}
      rowLink={({ id }) => `/rollouts/${encodeURIComponent(id)}`}
      empty={<Empty title={say("configs.noRollouts")} text={say("configs.noRolloutsText")} />}
    />
  );
}
