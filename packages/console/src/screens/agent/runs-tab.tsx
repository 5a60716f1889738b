import type { RunWithCommand } from "@muster/core/resources";
import { useInfiniteQuery } from "@tanstack/react-query";
import { agentRunsQuery } from "../../api/queries.ts";
import { useSpeech } from "../../i18n/language.tsx";
import { Age } from "../../parts/age.tsx";
import { type Column, DataTable } from "../../parts/data-table.tsx";
import { Empty } from "../../parts/empty.tsx";
import { ErrorNotice } from "../../parts/notice.tsx";
import { RunState } from "../../parts/status.tsx";

/** What this agent ran, newest first. */
export function RunsTab({ agentId }: { agentId: string }) {
  const { say, format } = useSpeech();
  const query = useInfiniteQuery(agentRunsQuery(agentId, undefined));
  if (query.error) return <ErrorNotice error={query.error} retry={() => void query.refetch()} />;
  const columns: Column<RunWithCommand>[] = [
    {
      id: "status",
      title: say("runs.status"),
      width: "110px",
      cell: (run) => <RunState status={run.status} reason={run.reason} />,
    },
    {
      id: "command",
      title: say("runs.command"),
      width: "minmax(120px, 1fr)",
      cell: (run) => <span className="mono cut foreign">{run.commandText}</span>,
    },
    {
      id: "exit",
      title: say("runs.exit"),
      width: "64px",
      align: "end",
      hideBelow: 700,
      cell: (run) => <span className="figures">{run.exitCode ?? "–"}</span>,
    },
    {
      id: "took",
      title: say("runs.took"),
      width: "92px",
      align: "end",
      hideBelow: 800,
      cell: (run) => (
        <span className="figures">{run.executionMs === null ? "–" : format.duration(run.executionMs)}</span>
      ),
    },
    {
      id: "when",
      title: say("runs.when"),
      width: "96px",
      cell: (run) => <Age at={run.queuedAt} />,
    },
  ];
  return (
    <DataTable
      label={say("agent.tab.runs")}
      columns={columns}
      rows={query.data?.pages.flatMap((page) => page.items)}
      rowKey={(run) => run.id}
      rowLink={(run) => `/runs/${run.id}`}
      hasMore={query.hasNextPage}
      loadMore={() => void query.fetchNextPage()}
      empty={<Empty title={say("agent.noRuns")} text={say("agent.noRunsText")} />}
    />
  );
}
