import { Button } from "@mantine/core";
import type { Run } from "@muster/core/resources";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { Link, useParams } from "react-router";
import { client } from "../../api/client.ts";
import { useLive } from "../../api/live.tsx";
import { commandQuery, runQuery } from "../../api/queries.ts";
import { useOutput } from "../../api/use-output.ts";
import { usePlace } from "../../app/place.tsx";
import { useMay } from "../../app/session.tsx";
import { useSpeech } from "../../i18n/language.tsx";
import { Age } from "../../parts/age.tsx";
import { CommandText, textOfCommand } from "../../parts/command-text.tsx";
import { CopyText } from "../../parts/copy.tsx";
import { ErrorNotice, Notice } from "../../parts/notice.tsx";
import { OutputView } from "../../parts/output-view.tsx";
import { Page } from "../../parts/page.tsx";
import { RunState } from "../../parts/status.tsx";

/** One run: a command on one agent. */
export function Screen() {
  const { runId = "" } = useParams();
  const { say } = useSpeech();
  const { data: run, error, refetch } = useQuery(runQuery(runId));
  const { data: command } = useQuery({ ...commandQuery(run?.commandId ?? ""), enabled: run !== undefined });
  usePlace([
    { label: say("frame.commands"), to: "/commands" },
    ...(run ? [{ label: command ? textOfCommand(command).slice(0, 40) : "…", to: `/commands/${run.commandId}` }] : []),
    { label: run?.agentName ?? "…" },
  ]);
  if (error && !run) {
    return (
      <Page title={say("runs.one")} prose>
        <ErrorNotice error={error} retry={() => void refetch()} />
      </Page>
    );
  }
  if (!run) return <Page title={"\u00a0"}>{null}</Page>;
  return (
    <RunPage key={runId} run={run}>
      {command && (
        <Link to={`/commands/${run.commandId}`} className="link cut">
          <CommandText command={command} />
        </Link>
      )}
    </RunPage>
  );
}

function RunPage({ run, children }: { run: Run; children: ReactNode }) {
  const { say } = useSpeech();
  const queries = useQueryClient();
  const operator = useMay("operator");
  const output = useOutput();
  const running = run.finishedAt === null;
  const refresh = () => void queries.invalidateQueries({ queryKey: runQuery(run.id).queryKey });
  useLive({ op: "output", runId: run.id, after: -1 }, (event) => {
    if (event.event === "output") output.push(event.runId, event.chunks);
    if (event.event === "output_end") refresh();
    if (event.event === "lagged") output.catchUp();
  });
  const cancel = useMutation({ mutationFn: () => client.runs.cancel(run.id), onSuccess: refresh });
  return (
    <Page
      fill
      title={
        <Link to={`/agents/${run.agentId}`} className="foreign">
          {run.agentName}
        </Link>
      }
      facts={<RunFacts run={run} />}
      actions={
        operator &&
        running && (
          <Button
            variant="default"
            c="var(--m-wrong)"
            loading={cancel.isPending}
            disabled={run.cancelRequested}
            onClick={() => cancel.mutate()}
          >
            {run.cancelRequested ? say("run.cancelling") : say("run.cancel")}
          </Button>
        )
      }
    >
      {children}
      {run.reason && !running && (
        <Notice tone={run.status === "succeeded" ? "ok" : "attention"} title={say(`run.${run.status}`)}>
          <span className="foreign">{run.reason}</span>
        </Notice>
      )}
      {cancel.error && <ErrorNotice error={cancel.error} />}
      <OutputView
        lines={output.output.lines}
        forgotten={output.output.forgotten}
        growing={running}
        fileName={`run-${run.id}.txt`}
        empty={running ? say("command.noOutputYet") : say("command.noOutput")}
      />
      <div />
    </Page>
  );
}

function RunFacts({ run }: { run: Run }) {
  const { say, format } = useSpeech();
  return (
    <>
      <RunState status={run.status} reason={run.reason} />
      {run.late && <span>{say("run.late")}</span>}
      {run.exitCode !== null && <span className="figures">{say("folds.exit", { code: run.exitCode })}</span>}
      {run.executionMs !== null && <span>{say("run.took", { span: format.duration(run.executionMs) })}</span>}
      <span>
        {run.finishedAt ? say("run.ended") : say("run.queuedSince")} <Age at={run.finishedAt ?? run.queuedAt} />
      </span>
      <span className="figures">{say("run.wrote", { size: format.bytes(run.stdoutBytes + run.stderrBytes) })}</span>
      <CopyText text={run.id} shown={`…${run.id.slice(-8)}`} />
    </>
  );
}
