import { Button, SegmentedControl } from "@mantine/core";
import type { InputBulkOutcome, InputWrite } from "@muster/core/resources";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Link } from "react-router";
import { client } from "../../api/client.ts";
import { useSpeech } from "../../i18n/language.tsx";
import { pathOfInput } from "../../logic/input-list.ts";
import { countKinds, failedAgents, kindOf, OUTCOME_KINDS, type OutcomeKind } from "../../logic/input-outcomes.ts";
import { type Column, DataTable } from "../../parts/data-table.tsx";
import { Empty } from "../../parts/empty.tsx";
import { InputState } from "../../parts/input-state.tsx";
import { Waiting } from "../../parts/input-test.tsx";
import { Mark, type Shape, type Tone } from "../../parts/mark.tsx";
import { ErrorNotice } from "../../parts/notice.tsx";
import { Page } from "../../parts/page.tsx";
import classes from "./add-inputs.module.css";

const LOOKS: Readonly<Record<OutcomeKind, readonly [Tone, Shape]>> = {
  applied: ["ok", "tick"],
  unchanged: ["ok", "ring"],
  refused: ["wrong", "slash"],
  offline: ["unknown", "ring"],
  unknown: ["attention", "question"],
};

/** What came of one input on each agent; those that do not have it can be asked again. */
export function OutcomeTable(props: {
  input: InputWrite;
  items: readonly InputBulkOutcome[];
  onMore: (items: readonly InputBulkOutcome[]) => void;
  edit: () => void;
}) {
  const { input, items, onMore, edit } = props;
  const { say, format } = useSpeech();
  const queries = useQueryClient();
  const [kind, setKind] = useState<OutcomeKind>();
  const columns = useOutcomeColumns();
  const failed = failedAgents(items);
  const again = useMutation({
    mutationFn: () => client.inputs.addToMany({ ...input, targets: { ids: failed } }),
    onSuccess: (answer) => {
      void queries.invalidateQueries({ queryKey: ["inputs"] });
      onMore(answer.items);
    },
  });
  const counts = countKinds(items);
  const word = (label: string, count: number) => `${label} ${format.number(count)}`;
  return (
    <Page
      fill
      title={say("bulk.outcomes", { input: input.input })}
      actions={
        <>
          <Button variant="default" onClick={edit}>
            {say("bulk.edit")}
          </Button>
          {failed.length > 0 && (
            <Button loading={again.isPending} onClick={() => again.mutate()}>
              {say("bulk.again", { count: failed.length })}
            </Button>
          )}
        </>
      }
    >
      {again.error && <ErrorNotice error={again.error} />}
      <div className={classes.bar}>
        <SegmentedControl
          className={classes.filter ?? ""}
          value={kind ?? ""}
          onChange={(value) => setKind(OUTCOME_KINDS.find((known) => known === value))}
          data={[
            { value: "", label: word(say("agents.all"), items.length) },
            ...OUTCOME_KINDS.filter((known) => counts[known] > 0 || known === kind).map((known) => ({
              value: known,
              label: word(say(`outcome.${known}`), counts[known]),
            })),
          ]}
        />
        {again.isPending && <Waiting text={say("bulk.adding", { count: failed.length })} />}
      </div>
      <DataTable<InputBulkOutcome>
        label={say("bulk.outcomes", { input: input.input })}
        columns={columns}
        rows={kind === undefined ? items : items.filter((item) => kindOf(item) === kind)}
        rowKey={(item) => item.agentId}
        rowLink={linkOf}
        empty={<Empty title={say("bulk.none")} />}
      />
    </Page>
  );
}

function linkOf({ agentId, inputId }: InputBulkOutcome): string {
  return inputId === null ? `/agents/${encodeURIComponent(agentId)}/inputs` : pathOfInput(agentId, inputId);
}

function useOutcomeColumns(): Column<InputBulkOutcome>[] {
  const { say } = useSpeech();
  return [
    {
      id: "outcome",
      title: say("bulk.outcome"),
      width: "minmax(96px, 140px)",
      cell: (item) => {
        const kind = kindOf(item);
        return (
          <span className={classes.outcome} title={item.reason ?? undefined}>
            <Mark tone={LOOKS[kind][0]} shape={LOOKS[kind][1]} />
            <span className="cut">{say(`outcome.${kind}`)}</span>
          </span>
        );
      },
    },
    {
      id: "agent",
      title: say("bulk.agent"),
      width: "minmax(100px, 1fr)",
      cell: (item) => (
        <Link to={linkOf(item)} tabIndex={-1} className="cut foreign">
          {item.agentName}
        </Link>
      ),
    },
    {
      id: "input",
      title: say("bulk.input"),
      width: "110px",
      hideBelow: 800,
      cell: (item) => (item.status === null ? "–" : <InputState input={{ status: item.status, error: null }} />),
    },
    {
      id: "reason",
      title: say("bulk.reason"),
      width: "minmax(100px, 2.4fr)",
      cell: ({ outcome, reason }) =>
        outcome === "unchanged" || reason === null ? (
          <span className="dim">–</span>
        ) : (
          <span className="cut foreign" title={reason}>
            {reason}
          </span>
        ),
    },
  ];
}
