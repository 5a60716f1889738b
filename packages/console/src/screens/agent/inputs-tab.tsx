import { Button, Tooltip } from "@mantine/core";
import type { Agent, Input } from "@muster/core/resources";
import { IconFileText, IconPlus, IconRefresh } from "@tabler/icons-react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { Link } from "react-router";
import { client } from "../../api/client.ts";
import { inputsQuery, refreshInputs } from "../../api/input-queries.ts";
import { useLiveInputs } from "../../api/use-live-inputs.ts";
import { useMay } from "../../app/session.tsx";
import { useSpeech } from "../../i18n/language.tsx";
import { pathOfInput, sortInputs } from "../../logic/input-list.ts";
import { NOTHING, type Selection } from "../../logic/selection.ts";
import { DataTable } from "../../parts/data-table.tsx";
import { Empty } from "../../parts/empty.tsx";
import { InputActions } from "../../parts/input-actions.tsx";
import { ErrorNotice, Notice } from "../../parts/notice.tsx";
import { useInputColumns } from "./input-columns.tsx";
import classes from "./inputs-tab.module.css";

/** What the agent collects and how that goes; where it can collect nothing, why not. */
export function InputsTab({ agent }: { agent: Agent }) {
  const { say } = useSpeech();
  if (!agent.capabilities.includes("inputs")) {
    return <Empty title={say("inputs.unable")} text={say("inputs.unableText")} />;
  }
  return <InputTable agent={agent} />;
}

function InputTable({ agent }: { agent: Agent }) {
  const { say } = useSpeech();
  const operator = useMay("operator");
  const [selection, setSelection] = useState<Selection>(NOTHING);
  const query = useQuery(inputsQuery(agent.id));
  useLiveInputs(agent.id);
  const columns = useInputColumns();
  const rows = useMemo(() => query.data && sortInputs(query.data), [query.data]);
  const isAway = agent.status === "offline";
  if (query.error && !rows) return <ErrorNotice error={query.error} retry={() => void query.refetch()} />;
  const picked = (rows ?? []).filter((input) => selection.ids.has(input.id));
  const add = operator && !isAway && (
    <Button
      component={Link}
      to={`/agents/${encodeURIComponent(agent.id)}/inputs/add`}
      leftSection={<IconPlus size={16} />}
    >
      {say("inputs.add")}
    </Button>
  );
  return (
    <>
      {isAway && (
        <Notice tone="attention" title={say("inputs.away", { name: agent.name })}>
          {say("inputs.awayText")}
        </Notice>
      )}
      {operator && !isAway && (
        <div className={classes.tools}>
          {picked.length === 0 ? (
            <>
              {add}
              <Reload agent={agent} />
              <Button
                variant="default"
                component={Link}
                to={`/logs?agent=${encodeURIComponent(agent.id)}`}
                leftSection={<IconFileText size={16} />}
              >
                {say("inputs.logs")}
              </Button>
            </>
          ) : (
            <>
              <InputActions agent={agent} inputs={picked} onDone={() => setSelection(NOTHING)} />
              <span className={`${classes.picked} figures`}>{say("inputs.picked", { count: picked.length })}</span>
            </>
          )}
        </div>
      )}
      <DataTable<Input>
        label={say("agent.tab.inputs")}
        columns={columns}
        rows={rows}
        rowKey={(input) => input.id}
        rowLink={(input) => pathOfInput(input.agentId, input.id)}
        {...(operator && !isAway && { selection, onSelection: setSelection })}
        empty={
          <Empty title={say("inputs.none")} text={operator ? say("inputs.noneText") : say("inputs.noneTextViewer")}>
            {add}
          </Empty>
        }
      />
    </>
  );
}

function Reload({ agent }: { agent: Agent }) {
  const { say } = useSpeech();
  const queries = useQueryClient();
  const reload = useMutation({
    mutationFn: () => client.inputs.reload(agent.id),
    onSuccess: (inputs) => {
      queries.setQueryData(inputsQuery(agent.id).queryKey, inputs);
      void refreshInputs(queries, agent.id);
    },
  });
  return (
    <>
      <Tooltip label={say("inputs.reloadTip")}>
        <Button
          variant="default"
          leftSection={<IconRefresh size={16} />}
          loading={reload.isPending}
          onClick={() => reload.mutate()}
        >
          {say("inputs.reload")}
        </Button>
      </Tooltip>
      {reload.error && <ErrorNotice error={reload.error} />}
    </>
  );
}
