import { Button } from "@mantine/core";
import type { Agent, InputRevision } from "@muster/core/resources";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useLocation, useNavigate } from "react-router";
import { client } from "../../api/client.ts";
import { inputRevisionsQuery, refreshInputs } from "../../api/input-queries.ts";
import { useSpeech } from "../../i18n/language.tsx";
import { canGoBackTo } from "../../logic/revision-pair.ts";
import { Confirm } from "../../parts/confirm.tsx";
import { DataTable } from "../../parts/data-table.tsx";
import { ErrorNotice } from "../../parts/notice.tsx";
import { RevisionComparison } from "../../parts/revision-comparison.tsx";
import classes from "./history-tab.module.css";
import { useDeedWords, useRevisionColumns } from "./revision-columns.tsx";

const ROW_PX = 36;
const HEAD_PX = 35;
const MAX_ROWS = 5;

/** Every revision, any two of them beside each other, and the way back to one. */
export function HistoryTab(props: {
  agent: Agent;
  inputId: string;
  name: string;
  onRolledBack: (revision: number | undefined) => void;
}) {
  const { agent, inputId, name, onRolledBack } = props;
  const { say } = useSpeech();
  const [asking, setAsking] = useState<InputRevision>();
  const { data: revisions, error, refetch } = useQuery(inputRevisionsQuery(agent.id, inputId));
  const columns = useRevisionColumns();
  const deedOf = useDeedWords();
  const { pathname } = useLocation();
  if (error && !revisions) return <ErrorNotice error={error} retry={() => void refetch()} />;
  const rows = Math.min(Math.max(revisions?.length ?? 3, 1), MAX_ROWS);
  return (
    <>
      <div className={classes.list} style={{ height: HEAD_PX + rows * ROW_PX + 1 }}>
        <DataTable<InputRevision>
          label={say("inputs.tab.history")}
          columns={columns}
          rows={revisions}
          rowKey={(revision) => String(revision.revision)}
          rowLink={(revision) => `${pathname}?to=${revision.revision}`}
          empty={null}
        />
      </div>
      {revisions && (
        <RevisionComparison
          revisions={revisions}
          textOf={(revision) => revision.toml}
          wordsOf={deedOf}
          actions={({ before, after }) =>
            agent.status !== "offline" &&
            [before, after].map(
              (side) =>
                side &&
                canGoBackTo(side, revisions) && (
                  <Button key={side.revision} variant="default" onClick={() => setAsking(side)}>
                    {say("revisions.rollBack", { revision: side.revision })}
                  </Button>
                ),
            )
          }
        />
      )}
      {asking && (
        <RollBack
          agent={agent}
          name={name}
          revision={asking}
          close={() => setAsking(undefined)}
          onDone={onRolledBack}
        />
      )}
    </>
  );
}

function RollBack(props: {
  agent: Agent;
  name: string;
  revision: InputRevision;
  close: () => void;
  onDone: (revision: number | undefined) => void;
}) {
  const { agent, name, revision, close, onDone } = props;
  const { say } = useSpeech();
  const navigate = useNavigate();
  const { pathname } = useLocation();
  const queries = useQueryClient();
  const rollBack = useMutation({
    mutationFn: () => client.inputs.rollBack(agent.id, revision.inputId, revision.revision),
    onSuccess: (input) => {
      close();
      // the newest pair again: what was rolled back, and to what
      void navigate(pathname, { replace: true });
      onDone(input.revision ?? undefined);
    },
    onSettled: () => void refreshInputs(queries, agent.id),
  });
  const about = { input: name, name: agent.name, revision: revision.revision };
  return (
    <Confirm
      title={say("revisions.rollBackTitle", about)}
      action={say("revisions.rollBack", { revision: revision.revision })}
      error={rollBack.error}
      busy={rollBack.isPending}
      onConfirm={() => rollBack.mutate()}
      onClose={close}
    >
      {say("revisions.rollBackText", { name: agent.name })}
    </Confirm>
  );
}
