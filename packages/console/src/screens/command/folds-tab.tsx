import { Button, UnstyledButton } from "@mantine/core";
import type { Run } from "@muster/core/resources";
import { IconChevronDown, IconChevronRight } from "@tabler/icons-react";
import { useEffect, useMemo, useState } from "react";
import { Link } from "react-router";
import { useOutput } from "../../api/use-output.ts";
import { useSpeech } from "../../i18n/language.tsx";
import { foldRuns, type RunFold } from "../../logic/fold-runs.ts";
import { Empty } from "../../parts/empty.tsx";
import { OutputView } from "../../parts/output-view.tsx";
import { RunMark } from "../../parts/status.tsx";
import classes from "./folds-tab.module.css";

/** The first folds are open: the odd ones out and the largest are what one came for. */
const OPEN_AT_FIRST = 3;
const SHOWN_AT_FIRST = 50;
const NAMES = 6;

/** Hosts that said the same are one entry with a count; what went wrong comes first. */
export function FoldsTab({ runs }: { runs: readonly Run[] }) {
  const { say } = useSpeech();
  const [all, setAll] = useState(false);
  const folds = useMemo(() => foldRuns(runs), [runs]);
  if (folds.length === 0) return <Empty title={say("folds.none")} text={say("folds.noneText")} />;
  const shown = all ? folds : folds.slice(0, SHOWN_AT_FIRST);
  return (
    <div className={classes.folds}>
      {shown.map((fold, index) => (
        <FoldEntry key={fold.key} fold={fold} initiallyOpen={index < OPEN_AT_FIRST} />
      ))}
      {shown.length < folds.length && (
        <Button variant="default" onClick={() => setAll(true)}>
          {say("folds.all", { count: folds.length })}
        </Button>
      )}
    </div>
  );
}

function FoldEntry({ fold, initiallyOpen }: { fold: RunFold; initiallyOpen: boolean }) {
  const { say } = useSpeech();
  const [open, setOpen] = useState(initiallyOpen);
  const Chevron = open ? IconChevronDown : IconChevronRight;
  return (
    <section className={classes.fold}>
      <UnstyledButton className={classes.head} onClick={() => setOpen(!open)} aria-expanded={open}>
        <Chevron size={16} />
        <RunMark status={fold.status} />
        <span className={classes.word}>
          {say(`run.${fold.status}`)}
          {fold.exitCode !== null && fold.exitCode !== 0 && ` · ${say("folds.exit", { code: fold.exitCode })}`}
        </span>
        <span className={`${classes.count} figures`}>{say("agents.count", { count: fold.runs.length })}</span>
        {fold.reason && <span className="cut foreign dim">{fold.reason}</span>}
      </UnstyledButton>
      <Names runs={fold.runs} />
      {open && <FoldOutput key={fold.runs[0]?.id} run={fold.runs[0]} />}
    </section>
  );
}

function Names({ runs }: { runs: readonly Run[] }) {
  const { say } = useSpeech();
  const [all, setAll] = useState(false);
  const shown = all ? runs.slice(0, 500) : runs.slice(0, NAMES);
  return (
    <div className={classes.names}>
      {shown.map((run) => (
        <Link key={run.id} to={`/runs/${run.id}`} className={`${classes.name} cut foreign`} title={run.agentName}>
          {run.agentName}
        </Link>
      ))}
      {!all && runs.length > NAMES && (
        <UnstyledButton className={classes.more} onClick={() => setAll(true)}>
          {say("folds.more", { count: runs.length - NAMES })}
        </UnstyledButton>
      )}
      {all && runs.length > 500 && (
        <span className={classes.more}>{say("folds.more", { count: runs.length - 500 })}</span>
      )}
    </div>
  );
}

/** All runs of a fold wrote the same, so one of them speaks for all. */
function FoldOutput({ run }: { run: Run | undefined }) {
  const { say } = useSpeech();
  const output = useOutput();
  const wrote = run !== undefined && run.stdoutBytes + run.stderrBytes > 0;
  useEffect(() => {
    if (run && wrote) output.see(run.id);
  }, [run, wrote, output]);
  if (!run) return null;
  if (!wrote) return <div className={classes.silent}>{say("command.noOutput")}</div>;
  return (
    <OutputView compact lines={output.output.lines} fileName={`run-${run.id}.txt`} empty={say("output.reading")} />
  );
}
