import { Button } from "@mantine/core";
import type { Agent } from "@muster/core/resources";
import { IconTerminal2 } from "@tabler/icons-react";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { lazy, type ReactNode, Suspense } from "react";
import { Link, useParams } from "react-router";
import { useLive } from "../../api/live.tsx";
import { agentQuery } from "../../api/queries.ts";
import { usePlace } from "../../app/place.tsx";
import { useMay } from "../../app/session.tsx";
import { useSpeech } from "../../i18n/language.tsx";
import { Age } from "../../parts/age.tsx";
import { CopyText } from "../../parts/copy.tsx";
import { ErrorNotice, Notice } from "../../parts/notice.tsx";
import { Page } from "../../parts/page.tsx";
import { AgentState } from "../../parts/status.tsx";
import { LinkTabs } from "../../parts/tabs.tsx";
import { AboutTab } from "./about-tab.tsx";
import { ConfigsTab } from "./configs-tab.tsx";
import { InputsTab } from "./inputs-tab.tsx";
import { LiveTab } from "./live-tab.tsx";
import { RunsTab } from "./runs-tab.tsx";

// charts are fetched when they are looked at
const HistoryTab = lazy(() => import("./history-tab.tsx").then((module) => ({ default: module.HistoryTab })));

const TABS = ["live", "history", "configs", "inputs", "runs", "about"] as const;
type Tab = (typeof TABS)[number];

/** One agent: how it is now, how it was, what it collects and ran, what it is. */
export function Screen() {
  const { agentId = "", tab } = useParams();
  const { say } = useSpeech();
  const { data: agent, error, refetch } = useQuery(agentQuery(agentId));
  usePlace([{ label: say("frame.agents"), to: "/agents" }, { label: agent?.name ?? "…" }]);
  useFollowedAgent(agentId);
  if (error && !agent) {
    return (
      <Page title={say("frame.agents")} prose>
        <ErrorNotice error={error} retry={() => void refetch()} />
      </Page>
    );
  }
  if (!agent) return <Page title={"\u00a0"}>{null}</Page>;
  return <AgentPage key={agentId} agent={agent} tab={TABS.find((known) => known === tab) ?? "live"} />;
}

/** Keeps the agent's row true while its page is open. */
function useFollowedAgent(agentId: string): void {
  const queries = useQueryClient();
  useLive({ op: "fleet", agentIds: [agentId] }, (event) => {
    if (event.event === "agent" && event.agent.id === agentId) {
      queries.setQueryData(agentQuery(agentId).queryKey, event.agent);
    }
    if (event.event === "agent_removed" && event.agentId === agentId) {
      void queries.invalidateQueries({ queryKey: agentQuery(agentId).queryKey });
    }
  });
}

function AgentPage({ agent, tab }: { agent: Agent; tab: Tab }) {
  const { say } = useSpeech();
  const operator = useMay("operator");
  const base = `/agents/${encodeURIComponent(agent.id)}`;
  const bodies: Readonly<Record<Tab, () => ReactNode>> = {
    live: () => <LiveTab agent={agent} />,
    history: () => <HistoryTab agentId={agent.id} />,
    configs: () => <ConfigsTab agent={agent} />,
    inputs: () => <InputsTab agent={agent} />,
    runs: () => <RunsTab agentId={agent.id} />,
    about: () => <AboutTab agent={agent} />,
  };
  return (
    <Page
      title={agent.name}
      fill={tab === "runs" || tab === "inputs" || tab === "configs"}
      facts={<Facts agent={agent} />}
      actions={
        operator &&
        agent.capabilities.includes("command") && (
          <Button
            component={Link}
            to={`/commands/new?ids=${encodeURIComponent(agent.id)}`}
            leftSection={<IconTerminal2 size={16} />}
          >
            {say("newCommand.title")}
          </Button>
        )
      }
    >
      {agent.connections > 1 && (
        <Notice tone="attention" title={say("agent.conflict", { count: agent.connections })}>
          {say("agent.conflictText")}
        </Notice>
      )}
      <LinkTabs
        label={agent.name}
        current={tab}
        tabs={TABS.map((id) => ({ id, to: `${base}/${id}`, label: say(`agent.tab.${id}`) }))}
      />
      <Suspense>{bodies[tab]()}</Suspense>
    </Page>
  );
}

function Facts({ agent }: { agent: Agent }) {
  const { say } = useSpeech();
  return (
    <>
      <AgentState status={agent.status} reason={agent.statusReason} />
      {agent.status !== "online" && <span className="foreign">{agent.statusReason}</span>}
      <span>
        {say("agent.since")} <Age at={agent.statusSince} />
      </span>
      {agent.os && (
        <span className="cut foreign">
          {agent.os}
          {agent.arch && ` · ${agent.arch}`}
        </span>
      )}
      {agent.addresses[0] && <CopyText text={agent.addresses[0]} />}
    </>
  );
}
