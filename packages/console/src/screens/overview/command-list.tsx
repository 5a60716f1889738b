import type { Command } from "@muster/core/resources";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Link } from "react-router";
import { commandsQuery, runningCommandsQuery } from "../../api/queries.ts";
import { useMay } from "../../app/session.tsx";
import { useSpeech } from "../../i18n/language.tsx";
import { Age } from "../../parts/age.tsx";
import { CommandText } from "../../parts/command-text.tsx";
import { CountsBar } from "../../parts/counts-bar.tsx";
import { Section } from "../../parts/page.tsx";
import { CommandMark, outcomeOfCommand } from "../../parts/status.tsx";
import classes from "./overview.module.css";

const SHOWN = 8;

/** What is running, then what ran last. */
export function CommandList({ commands24h }: { commands24h: number | undefined }) {
  const { say } = useSpeech();
  const operator = useMay("operator");
  const { data: running = [] } = useQuery(runningCommandsQuery);
  const { data: recent } = useInfiniteQuery(commandsQuery({}));
  const known = new Set(running.map((command) => command.id));
  const others = (recent?.pages[0]?.items ?? []).filter((command) => !known.has(command.id));
  const shown = [...running, ...others].slice(0, SHOWN);
  return (
    <Section
      title={say("overview.commands")}
      aside={
        <Link className="link" to="/commands">
          {commands24h === undefined
            ? say("overview.allCommands")
            : say("overview.commands24h", { count: commands24h })}
        </Link>
      }
    >
      <div className={classes.list}>
        {recent && shown.length === 0 && (
          <div className={classes.none}>
            {say("commands.none")}{" "}
            {operator && (
              <Link className="link" to="/commands/new">
                {say("newCommand.title")}
              </Link>
            )}
          </div>
        )}
        {shown.map((command) => (
          <CommandEntry key={command.id} command={command} />
        ))}
      </div>
    </Section>
  );
}

function CommandEntry({ command }: { command: Command }) {
  const { say } = useSpeech();
  const word = say(`commandStatus.${outcomeOfCommand(command)}`);
  return (
    <Link to={`/commands/${command.id}`} className={`${classes.entry} ${classes.command}`}>
      <span title={word} role="img" aria-label={word}>
        <CommandMark command={command} />
      </span>
      <CommandText command={command} />
      <CountsBar counts={command.counts} />
      <span className="dim" style={{ textAlign: "right" }}>
        <Age at={command.createdAt} />
      </span>
    </Link>
  );
}
