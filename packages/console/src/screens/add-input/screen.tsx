import { Button } from "@mantine/core";
import type { Agent } from "@muster/core/resources";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Link, useNavigate, useParams, useSearchParams } from "react-router";
import { client } from "../../api/client.ts";
import { collectorsQuery, inputSampleQuery, refreshInputs } from "../../api/input-queries.ts";
import { agentQuery } from "../../api/queries.ts";
import { usePlace } from "../../app/place.tsx";
import { useMay } from "../../app/session.tsx";
import { useSpeech } from "../../i18n/language.tsx";
import { pathOfInput } from "../../logic/input-list.ts";
import { CollectorList } from "../../parts/collector-list.tsx";
import { InputEditor } from "../../parts/input-editor.tsx";
import { ErrorNotice, Notice } from "../../parts/notice.tsx";
import { Page } from "../../parts/page.tsx";
import { useUnsavedGuard } from "../../parts/unsaved-guard.tsx";

/** A new input for one agent: choose a collector, start from its sample, save, and see it run. */
export function Screen() {
  const { agentId = "" } = useParams();
  const [parameters] = useSearchParams();
  const { say } = useSpeech();
  const operator = useMay("operator");
  const { data: agent, error, refetch } = useQuery(agentQuery(agentId));
  const input = parameters.get("input");
  const base = `/agents/${encodeURIComponent(agentId)}/inputs`;
  usePlace([
    { label: say("frame.agents"), to: "/agents" },
    { label: agent?.name ?? "…", to: base },
    { label: say("inputs.add") },
  ]);
  if (!operator) {
    return (
      <Page title={say("inputs.add")} prose>
        <Notice tone="attention" title={say("bulk.notAllowed")} />
      </Page>
    );
  }
  if (error && !agent) {
    return (
      <Page title={say("inputs.add")} prose>
        <ErrorNotice error={error} retry={() => void refetch()} />
      </Page>
    );
  }
  if (!agent) return <Page title={"\u00a0"}>{null}</Page>;
  if (input === null) return <Choose agent={agent} />;
  return <Write key={input} agent={agent} input={input} inputType={parameters.get("type") ?? "datakit"} />;
}

function Choose({ agent }: { agent: Agent }) {
  const { say } = useSpeech();
  const { data, error, refetch } = useQuery(collectorsQuery(agent.id));
  return (
    <Page title={say("inputs.choose")} facts={<span className="foreign">{agent.name}</span>}>
      {error && <ErrorNotice error={error} retry={() => void refetch()} />}
      {data && <CollectorList available={data} name={agent.name} linkOf={(item) => `?${toQuery(item)}`} />}
    </Page>
  );
}

function toQuery({ input, inputType }: { input: string; inputType: string }): URLSearchParams {
  return new URLSearchParams({ input, ...(inputType !== "datakit" && { type: inputType }) });
}

function Write(props: { agent: Agent; input: string; inputType: string }) {
  const { agent, input } = props;
  const { say } = useSpeech();
  const sample = useQuery(inputSampleQuery(agent.id, input));
  return (
    <Page
      fill
      title={say("inputs.configOf", { input })}
      facts={<span className="foreign">{agent.name}</span>}
      actions={
        <Button variant="default" component={Link} to="?">
          {say("inputs.otherCollector")}
        </Button>
      }
    >
      {sample.error && <ErrorNotice error={sample.error} retry={() => void sample.refetch()} />}
      {sample.data !== undefined && <NewInput {...props} sample={sample.data} />}
    </Page>
  );
}

function NewInput(props: { agent: Agent; input: string; inputType: string; sample: string }) {
  const { agent, input, inputType, sample } = props;
  const { say } = useSpeech();
  const navigate = useNavigate();
  const queries = useQueryClient();
  const [text, setText] = useState(sample);
  const { guard, letGo } = useUnsavedGuard(text !== sample);
  const save = useMutation({
    mutationFn: () => client.inputs.add(agent.id, { input, inputType, toml: text }),
    onSuccess: (added) => {
      letGo();
      void refreshInputs(queries, agent.id);
      void navigate(pathOfInput(agent.id, added.id), { replace: true, state: { saved: added.revision } });
    },
  });
  return (
    <>
      <InputEditor
        input={{ input, inputType }}
        text={text}
        onText={setText}
        agent={agent}
        save={{
          label: say("inputs.saveAndRun"),
          enabled: text.trim() !== "",
          busy: save.isPending,
          waiting: say("inputs.saving", { name: agent.name, input }),
          error: save.error,
          run: () => save.mutate(),
        }}
      />
      {guard}
    </>
  );
}
