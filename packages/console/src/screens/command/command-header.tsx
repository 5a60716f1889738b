import type { Command } from "@muster/core/resources";
import { useNow } from "../../api/clock.tsx";
import { useSpeech } from "../../i18n/language.tsx";
import { Age } from "../../parts/age.tsx";
import { textOfCommand } from "../../parts/command-text.tsx";
import { CopyText } from "../../parts/copy.tsx";
import { CountsBar, countEnded, presentCounts } from "../../parts/counts-bar.tsx";
import { CommandState, RunState } from "../../parts/status.tsx";
import { useTargetWords } from "../../parts/target-words.ts";
import classes from "./command-header.module.css";

/** Who asked for what of whom, and how far it is. */
export function CommandHeader({ command }: { command: Command }) {
  const { say } = useSpeech();
  const text = textOfCommand(command);
  const targets = useTargetWords(command.targets);
  return (
    <div className={classes.header}>
      <div className={classes.facts}>
        <CommandState command={command} />
        {command.statusReason && <span className="foreign">{command.statusReason}</span>}
        <span>
          {say("command.by", { who: command.createdBy })} <Age at={command.createdAt} />
        </span>
        <span className="foreign">{targets}</span>
        <Limits command={command} />
        <CopyText text={command.id} shown={`…${command.id.slice(-8)}`} />
      </div>
      {text.includes("\n") && (
        <details className={classes.whole}>
          <summary>{say("command.whole")}</summary>
          <pre className="foreign">{text}</pre>
        </details>
      )}
      <Progress command={command} />
    </div>
  );
}

function Progress({ command }: { command: Command }) {
  const { say, format } = useSpeech();
  const now = useNow(1000);
  const ended = countEnded(command.counts);
  const until = command.finishedAt === null ? now : Date.parse(command.finishedAt);
  return (
    <div className={classes.progress}>
      <CountsBar counts={command.counts} />
      <div className={classes.counts}>
        <span className={`${classes.total} figures`}>
          {say("command.ended", { ended, total: command.total })}
          {" · "}
          {format.duration(Math.max(0, until - Date.parse(command.createdAt)))}
        </span>
        {presentCounts(command.counts).map(([status, count]) => (
          <span key={status} className={`${classes.count} figures`}>
            <RunState status={status} />
            {format.number(count)}
          </span>
        ))}
      </div>
    </div>
  );
}

function Limits({ command }: { command: Command }) {
  const { say, format } = useSpeech();
  const parts = [
    say("command.timeout", { span: format.duration(command.timeoutMs) }),
    command.concurrency !== null && say("command.atOnce", { count: command.concurrency }),
    command.failureBudget !== null && say("command.budget", { count: command.failureBudget }),
    command.user !== null && say("command.asUser", { user: command.user }),
    command.cwd !== null && say("command.inDirectory", { directory: command.cwd }),
    command.envNames.length > 0 && say("command.withEnv", { names: command.envNames.join(", ") }),
  ];
  return <span className="foreign">{parts.filter((part) => part !== false).join(" · ")}</span>;
}
