import type { Agent } from "@muster/core/resources";
import { Link } from "react-router";
import type { Say } from "../../i18n/dictionary.ts";
import type { Format } from "../../logic/format.ts";
import type { Series } from "../../logic/series.ts";
import { Age } from "../../parts/age.tsx";
import type { Column } from "../../parts/data-table.tsx";
import { CellGauge, CPU_LIMITS, DISK_LIMITS, MEMORY_LIMITS } from "../../parts/gauge.tsx";
import { LabelChips } from "../../parts/labels.tsx";
import { Mark } from "../../parts/mark.tsx";
import { AgentState } from "../../parts/status.tsx";
import classes from "./agent-columns.module.css";

interface ColumnSources {
  readonly say: Say;
  readonly percent: Format["percent"];
  readonly trails: ReadonlyMap<string, Series>;
  readonly removed: ReadonlySet<string>;
  readonly pickLabel: (key: string, value: string) => void;
}

/** What a row says about an agent. An agent that is not online shows its last values faded. */
export function agentColumns({ say, percent, trails, removed, pickLabel }: ColumnSources): Column<Agent>[] {
  const faded = (agent: Agent) => agent.status !== "online";
  return [
    {
      id: "status",
      title: say("agents.status"),
      width: "84px",
      sort: ["status", "-status"],
      cell: (agent) =>
        removed.has(agent.id) ? (
          <span className="dim">{say("agents.removed")}</span>
        ) : (
          <AgentState status={agent.status} reason={agent.statusReason} />
        ),
    },
    {
      id: "name",
      title: say("agents.name"),
      width: "minmax(120px, 1.2fr)",
      sort: ["name", "-name"],
      cell: (agent) => <AgentName agent={agent} say={say} percent={percent} />,
    },
    {
      id: "os",
      title: say("agents.os"),
      width: "104px",
      hideBelow: 1200,
      cell: (agent) => <span className="cut foreign dim">{agent.os ?? "–"}</span>,
    },
    {
      id: "cpu",
      title: say("agents.cpu"),
      width: "108px",
      hideBelow: 760,
      cell: (agent) => {
        const series = trails.get(agent.id);
        const share = agent.gauges?.cpu ?? null;
        return <CellGauge share={share} limits={CPU_LIMITS} faded={faded(agent)} {...(series && { series })} />;
      },
    },
    {
      id: "memory",
      title: say("agents.memory"),
      width: "108px",
      hideBelow: 900,
      cell: (agent) => <CellGauge share={agent.gauges?.memory ?? null} limits={MEMORY_LIMITS} faded={faded(agent)} />,
    },
    {
      id: "disk",
      title: say("agents.disk"),
      width: "108px",
      hideBelow: 1020,
      cell: (agent) => <CellGauge share={agent.gauges?.filesystem ?? null} limits={DISK_LIMITS} faded={faded(agent)} />,
    },
    {
      id: "labels",
      title: say("agents.labels"),
      width: "minmax(120px, 2fr)",
      hideBelow: 1100,
      cell: (agent) => <LabelChips labels={agent.labels} limit={4} single onPick={pickLabel} />,
    },
    {
      id: "seen",
      title: say("agents.seen"),
      width: "88px",
      sort: ["-lastSeenAt", "lastSeenAt"],
      hideBelow: 420,
      cell: (agent) => (
        <span className="dim">
          <Age at={agent.lastSeenAt} />
        </span>
      ),
    },
  ];
}

function AgentName(props: { agent: Agent; say: Say; percent: Format["percent"] }) {
  const { agent, say, percent } = props;
  const { gauges } = agent;
  return (
    <span className={classes.names}>
      <Link to={`/agents/${agent.id}`} className={`${classes.name} cut foreign`} tabIndex={-1} title={agent.name}>
        {agent.name}
      </Link>
      {agent.connections > 1 && (
        <span className={classes.conflict} title={say("agent.conflict", { count: agent.connections })}>
          <Mark tone="attention" shape="triangle" />
          {say("agents.conflict")}
        </span>
      )}
      {gauges && (
        <span className={`${classes.second} figures`}>
          {say("agents.cpu")} {percent(gauges.cpu)} · {say("agents.memory")} {percent(gauges.memory)}
        </span>
      )}
    </span>
  );
}
