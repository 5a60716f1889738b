import type { Agent, AgentConfig } from "@muster/core/resources";
import { useQuery } from "@tanstack/react-query";
import { Link } from "react-router";
import { agentConfigsQuery } from "../../api/config-queries.ts";
import { groupsQuery } from "../../api/queries.ts";
import { useLiveConfigs } from "../../api/use-live-configs.ts";
import { useSpeech } from "../../i18n/language.tsx";
import { speechOf, takesConfigs, tellsVerdicts } from "../../logic/agent-speech.ts";
import { useAgentConfigColumns } from "../../parts/agent-config-columns.tsx";
import { DataTable } from "../../parts/data-table.tsx";
import { Empty } from "../../parts/empty.tsx";
import { ErrorNotice, Notice } from "../../parts/notice.tsx";

/** What the agent should run of each config, what it does run, and which group decided; in the order in which they merge. */
export function ConfigsTab({ agent }: { agent: Agent }) {
  const { say } = useSpeech();
  if (!takesConfigs(agent)) {
    return <Empty title={say("configs.unable")} text={say(`speechText.${speechOf(agent)}`)} />;
  }
  return <ConfigTable agent={agent} />;
}

function ConfigTable({ agent }: { agent: Agent }) {
  useLiveConfigs();
  const { say } = useSpeech();
  const { data: rows, error, refetch } = useQuery(agentConfigsQuery(agent.id));
  const { data: groups = [] } = useQuery(groupsQuery);
  const columns = useAgentConfigColumns({
    title: say("configs.config"),
    cell: (row) => (
      <Link className="cut foreign" to={pathOf(row)} tabIndex={-1}>
        {row.configName}
      </Link>
    ),
    groupOf: (id) => groups.find((group) => group.id === id)?.name ?? id,
  });
  if (error && !rows) return <ErrorNotice error={error} retry={() => void refetch()} />;
  return (
    <>
      {agent.status === "offline" && (
        <Notice tone="attention" title={say("inputs.away", { name: agent.name })}>
          {say("configs.awayText")}
        </Notice>
      )}
      {!tellsVerdicts(agent) && (
        <Notice tone="unknown" title={say("configs.noVerdict")}>
          {say("configs.noVerdictText")}
        </Notice>
      )}
      <DataTable<AgentConfig>
        label={say("agent.tab.configs")}
        columns={columns}
        rows={rows}
        rowKey={(row) => row.configId}
        rowLink={pathOf}
        rowHeight={44}
        empty={
          <Empty title={say("configs.agentHasNone")} text={say("configs.agentHasNoneText")}>
            <Link className="link" to="/configs">
              {say("frame.configs")}
            </Link>
          </Empty>
        }
      />
    </>
  );
}

const pathOf = (row: AgentConfig) => `/configs/${encodeURIComponent(row.configId)}`;
