import { SegmentedControl } from "@mantine/core";
import type { AgentConfig, Config, ConfigStatus } from "@muster/core/resources";
import { useInfiniteQuery } from "@tanstack/react-query";
import { Link, useSearchParams } from "react-router";
import { configAgentsQuery } from "../../api/config-queries.ts";
import { useSpeech } from "../../i18n/language.tsx";
import { useAgentConfigColumns } from "../../parts/agent-config-columns.tsx";
import { DataTable } from "../../parts/data-table.tsx";
import { Empty } from "../../parts/empty.tsx";
import { ErrorNotice } from "../../parts/notice.tsx";
import bar from "../agents/filter-bar.module.css";

const STATUSES: readonly ConfigStatus[] = ["failed", "pending", "applying", "applied", "unknown"];

/** Everybody who should have it or has it: what they should run, what they do run, and what went wrong. */
export function AgentsTab({ config }: { config: Config }) {
  const { say } = useSpeech();
  const [parameters, setParameters] = useSearchParams();
  const status = STATUSES.find((known) => known === parameters.get("status"));
  const agents = useInfiniteQuery(configAgentsQuery(config.id, status));
  const columns = useAgentConfigColumns({
    title: say("bulk.agent"),
    cell: (row) => (
      <Link className="cut foreign" to={pathOf(row)} tabIndex={-1}>
        {row.agentName}
      </Link>
    ),
    groupOf: (id) => config.groups.find((group) => group.id === id)?.name ?? id,
  });
  return (
    <>
      <div className={bar.bar}>
        <SegmentedControl
          className={bar.status}
          size="sm"
          value={status ?? ""}
          onChange={(value) => setParameters(value === "" ? {} : { status: value }, { replace: true })}
          data={[
            { value: "", label: say("agents.all") },
            ...STATUSES.map((known) => ({ value: known, label: say(`configStatus.${known}`) })),
          ]}
        />
      </div>
      {agents.error ? (
        <ErrorNotice error={agents.error} retry={() => void agents.refetch()} />
      ) : (
        <DataTable<AgentConfig>
          label={say("frame.agents")}
          columns={columns}
          rows={agents.data?.pages.flatMap((page) => page.items)}
          rowKey={(row) => row.agentId}
          rowLink={pathOf}
          rowHeight={44}
          hasMore={agents.hasNextPage}
          loadMore={() => void (agents.isFetchingNextPage || agents.fetchNextPage())}
          empty={
            status === undefined ? (
              <Empty title={say("configs.noAgents")} text={say("configs.noAgentsText")} />
            ) : (
              <Empty title={say("configs.noAgentsLike", { status: say(`configStatus.${status}`) })} />
            )
          }
        />
      )}
    </>
  );
}

const pathOf = (row: AgentConfig) => `/agents/${encodeURIComponent(row.agentId)}/configs`;
