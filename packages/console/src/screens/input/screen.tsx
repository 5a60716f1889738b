import type { Agent, Input } from "@muster/core/resources";
import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { useLocation, useNavigate, useParams } from "react-router";
import { inputsQuery } from "../../api/input-queries.ts";
import { agentQuery } from "../../api/queries.ts";
import { useLiveInputs } from "../../api/use-live-inputs.ts";
import { usePlace } from "../../app/place.tsx";
import { useMay } from "../../app/session.tsx";
import { useSpeech } from "../../i18n/language.tsx";
import { nameOf, pathOfInput } from "../../logic/input-list.ts";
import { Age } from "../../parts/age.tsx";
import { CopyText } from "../../parts/copy.tsx";
import { InputActions } from "../../parts/input-actions.tsx";
import { InputState } from "../../parts/input-state.tsx";
import { ErrorNotice, Notice } from "../../parts/notice.tsx";
import { Page } from "../../parts/page.tsx";
import { LinkTabs } from "../../parts/tabs.tsx";
import { EditTab } from "./edit-tab.tsx";
import { HistoryTab } from "./history-tab.tsx";
import { StateNotice } from "./state-notice.tsx";

const TABS = ["edit", "history"] as const;
type Tab = (typeof TABS)[number];

/** One input of one agent: how it is, its text, and what it was before. */
export function Screen() {
  const { agentId = "", inputId = "", tab } = useParams();
  const { say } = useSpeech();
  const agent = useQuery(agentQuery(agentId));
  const inputs = useQuery(inputsQuery(agentId));
  useLiveInputs(agentId);
  const input = inputs.data?.find(({ id }) => id === inputId);
  const base = `/agents/${encodeURIComponent(agentId)}/inputs`;
  usePlace([
    { label: say("frame.agents"), to: "/agents" },
    { label: agent.data?.name ?? "…", to: base },
    { label: input ? nameOf(input) : say("agent.tab.inputs"), ...(!input && { to: base }) },
  ]);
  const error = agent.error ?? inputs.error;
  if (error && !(agent.data && inputs.data)) {
    return (
      <Page title={say("agent.tab.inputs")} prose>
        <ErrorNotice error={error} retry={() => void inputs.refetch()} />
      </Page>
    );
  }
  if (!agent.data || !inputs.data) return <Page title={"\u00a0"}>{null}</Page>;
  if (!input) return <Gone key={inputId} agent={agent.data} inputId={inputId} />;
  return (
    <InputPage
      key={inputId}
      agent={agent.data}
      input={input}
      tab={TABS.find((known) => known === tab) ?? "edit"}
      base={pathOfInput(agentId, inputId)}
    />
  );
}

function InputPage({ agent, input, tab, base }: { agent: Agent; input: Input; tab: Tab; base: string }) {
  const { say } = useSpeech();
  const navigate = useNavigate();
  const operator = useMay("operator");
  const { state } = useLocation() as { state: { saved?: number } | null };
  const [saved, setSaved] = useState(state?.saved);
  const bodies: Readonly<Record<Tab, () => ReactNode>> = {
    edit: () => <EditTab agent={agent} input={input} onSaved={setSaved} />,
    history: () => <HistoryTab agent={agent} inputId={input.id} name={nameOf(input)} onRolledBack={setSaved} />,
  };
  return (
    <Page
      fill
      title={nameOf(input)}
      facts={<Facts agent={agent} input={input} />}
      actions={
        operator &&
        input.managed &&
        agent.status !== "offline" && (
          <InputActions
            agent={agent}
            inputs={[input]}
            onDone={(deed) => {
              setSaved(undefined);
              if (deed === "remove") void navigate(`/agents/${encodeURIComponent(agent.id)}/inputs`);
            }}
          />
        )
      }
    >
      <StateNotice agent={agent} input={input} isSaved={saved !== undefined} />
      {operator && input.managed && (
        <LinkTabs
          label={nameOf(input)}
          current={tab}
          tabs={TABS.map((id) => ({
            id,
            to: id === "edit" ? base : `${base}/${id}`,
            label: say(`inputs.tab.${id}`),
          }))}
        />
      )}
      {operator ? (
        bodies[input.managed ? tab : "edit"]()
      ) : (
        <Notice tone="unknown" title={say("bulk.notAllowed")}>
          {say("inputs.viewerText")}
        </Notice>
      )}
    </Page>
  );
}

function Facts({ agent, input }: { agent: Agent; input: Input }) {
  const { say } = useSpeech();
  return (
    <>
      <InputState input={input} />
      <span className="foreign">{agent.name}</span>
      <span className="figures">{say("inputs.pointCount", { count: input.points })}</span>
      <span>
        {say("inputs.lastPoint")}{" "}
        {input.lastPointAt === null ? say("age.never") : <Age at={input.lastPointAt} everyMs={1000} />}
      </span>
      {input.revision !== null && (
        <span className="figures">{say("inputs.revisionOf", { revision: input.revision })}</span>
      )}
      {input.managed ? <CopyText text={input.id} /> : <span className="mono foreign">{input.file}</span>}
    </>
  );
}

/** An input that the agent does not have: its revisions can bring it back. */
function Gone({ agent, inputId }: { agent: Agent; inputId: string }) {
  const { say } = useSpeech();
  const navigate = useNavigate();
  const operator = useMay("operator");
  return (
    <Page fill title={say("agent.tab.inputs")} facts={<CopyText text={inputId} />}>
      <Notice tone="unknown" title={say("inputs.removedTitle")}>
        {operator && say("inputs.removedText")}
      </Notice>
      {operator && (
        <HistoryTab
          agent={agent}
          inputId={inputId}
          name={say("inputs.collector")}
          onRolledBack={(revision) =>
            void navigate(pathOfInput(agent.id, inputId), {
              replace: true,
              state: { saved: revision },
            })
          }
        />
      )}
    </Page>
  );
}
