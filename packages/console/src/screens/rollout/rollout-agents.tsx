import { SegmentedControl } from "@mantine/core";
import type { Rollout, RolloutAgent, RolloutAgentState } from "@muster/core/resources";
import { useInfiniteQuery } from "@tanstack/react-query";
import { useSearchParams } from "react-router";
import { rolloutAgentsQuery } from "../../api/config-queries.ts";
import { useSpeech } from "../../i18n/language.tsx";
import { Age } from "../../parts/age.tsx";
import { MemberState } from "../../parts/config-state.tsx";
import { type Column, DataTable } from "../../parts/data-table.tsx";
import { Empty } from "../../parts/empty.tsx";
import { ErrorNotice } from "../../parts/notice.tsx";
import { Section } from "../../parts/page.tsx";
import { AgentMark } from "../../parts/status.tsx";
import bar from "../agents/filter-bar.module.css";
import classes from "./rollout.module.css";

const STATES: readonly RolloutAgentState[] = ["failed", "waiting", "pending", "applied", "healthy"];

/** Every agent of the rollout, wave by wave; which are shown is in the address. */
export function RolloutAgents({ rollout }: { rollout: Rollout }) {
  const { say } = useSpeech();
  const [parameters, setParameters] = useSearchParams();
  const state = STATES.find((known) => known === parameters.get("state"));
  const query = useInfiniteQuery(
    rolloutAgentsQuery(rollout.id, state ? { state } : {}, { isOver: rollout.endedAt !== null }),
  );
  const columns = useMemberColumns();
  return (
    <Section title={say("frame.agents")}>
      <div className={bar.bar}>
        <SegmentedControl
          className={bar.status}
          size="sm"
          value={state ?? ""}
          onChange={(value) => setParameters(value === "" ? {} : { state: value }, { replace: true })}
          data={[
            { value: "", label: say("agents.all") },
            ...STATES.map((known) => ({ value: known, label: say(`rolloutAgent.${known}`) })),
          ]}
        />
      </div>
      {query.error ? (
        <ErrorNotice error={query.error} retry={() => void query.refetch()} />
      ) : (
        <div className={classes.agents}>
          <DataTable<RolloutAgent>
            label={say("frame.agents")}
            columns={columns}
            rows={query.data?.pages.flatMap((page) => page.items)}
            rowKey={(agent) => agent.agentId}
            rowLink={(agent) => `/agents/${encodeURIComponent(agent.agentId)}/configs`}
            rowHeight={44}
            hasMore={query.hasNextPage}
            loadMore={() => void (query.isFetchingNextPage || query.fetchNextPage())}
            empty={<Empty title={state ? say("rollout.nobodyLike") : say("rollout.nobody")} />}
          />
        </div>
      )}
    </Section>
  );
}

function useMemberColumns(): Column<RolloutAgent>[] {
  const { say } = useSpeech();
  return [
    {
      id: "state",
      title: say("inputs.status"),
      width: "124px",
      cell: ({ state, error }) => <MemberState state={state} error={error} />,
    },
    {
      id: "agent",
      title: say("bulk.agent"),
      width: "minmax(120px, 2fr)",
      cell: ({ agentName, error }) => (
        <span className={classes.cell}>
          <span className="cut foreign">{agentName}</span>
          {error !== null && (
            <span className={`${classes.error} cut foreign`} title={error}>
              {error}
            </span>
          )}
        </span>
      ),
    },
    {
      id: "online",
      title: say("rollout.connected"),
      width: "100px",
      hideBelow: 640,
      cell: ({ online }) => (
        <span className={classes.where}>
          <AgentMark status={online ? "online" : "offline"} />
          {say(online ? "status.online" : "status.offline")}
        </span>
      ),
    },
    {
      id: "wave",
      title: say("rollout.waveColumn"),
      width: "64px",
      align: "end",
      hideBelow: 420,
      cell: ({ wave }) => <span className="figures">{wave}</span>,
    },
    {
      id: "since",
      title: say("configs.since"),
      width: "92px",
      hideBelow: 520,
      cell: ({ since }) => <Age at={since} />,
    },
  ];
}
