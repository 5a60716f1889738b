import type { Run } from "@muster/core/resources";
import { useSpeech } from "../../i18n/language.tsx";
import { Age } from "../../parts/age.tsx";
import { type Column, DataTable } from "../../parts/data-table.tsx";
import { Empty } from "../../parts/empty.tsx";
import { RunState } from "../../parts/status.tsx";

/** Every run of a command: one per agent. */
export function RunsTab({ runs }: { runs: readonly Run[] | undefined }) {
  const { say, format } = useSpeech();
  const columns: Column<Run>[] = [
    {
      id: "status",
      title: say("runs.status"),
      width: "110px",
      cell: (run) => <RunState status={run.status} reason={run.reason} />,
    },
    {
      id: "agent",
      title: say("runs.agent"),
      width: "minmax(120px, 1fr)",
      cell: (run) => <span className="cut foreign">{run.agentName}</span>,
    },
    {
      id: "reason",
      title: say("runs.reason"),
      width: "minmax(100px, 1fr)",
      hideBelow: 1000,
      cell: (run) => <span className="cut foreign dim">{run.reason ?? ""}</span>,
    },
    {
      id: "exit",
      title: say("runs.exit"),
      width: "56px",
      align: "end",
      cell: (run) => <span className="figures">{run.exitCode ?? "–"}</span>,
    },
    {
      id: "output",
      title: say("runs.output"),
      width: "88px",
      align: "end",
      hideBelow: 760,
      cell: (run) => <span className="figures">{format.bytes(run.stdoutBytes + run.stderrBytes)}</span>,
    },
    {
      id: "took",
      title: say("runs.took"),
      width: "92px",
      align: "end",
      hideBelow: 600,
      cell: (run) => (
        <span className="figures">{run.executionMs === null ? "–" : format.duration(run.executionMs)}</span>
      ),
    },
    {
      id: "when",
      title: say("runs.ended"),
      width: "96px",
      hideBelow: 900,
      cell: (run) => (run.finishedAt === null ? <span className="dim">–</span> : <Age at={run.finishedAt} />),
    },
  ];
  return (
    <DataTable
      label={say("command.tab.runs")}
      columns={columns}
      rows={runs}
      rowKey={(run) => run.id}
      rowLink={(run) => `/runs/${run.id}`}
      empty={<Empty title={say("command.noRuns")} />}
    />
  );
}
