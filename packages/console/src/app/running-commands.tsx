import { ActionIcon, Popover, Tooltip } from "@mantine/core";
import type { Command } from "@muster/core/resources";
import { IconBell } from "@tabler/icons-react";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Link } from "react-router";
import { useLive } from "../api/live.tsx";
import { commandQuery, runningCommandsQuery } from "../api/queries.ts";
import { useSpeech } from "../i18n/language.tsx";
import { CommandText } from "../parts/command-text.tsx";
import { CountsBar, countEnded } from "../parts/counts-bar.tsx";
import classes from "./running-commands.module.css";

/** Keeps the list of running commands true while anything is on screen. */
function useRunningCommands(): readonly Command[] {
  const queries = useQueryClient();
  const { data = [] } = useQuery(runningCommandsQuery);
  useLive({ op: "commands" }, (event) => {
    if (event.event !== "command") return;
    const { command } = event;
    queries.setQueryData(commandQuery(command.id).queryKey, command);
    queries.setQueryData(runningCommandsQuery.queryKey, (old: Command[] = []) => {
      const others = old.filter((member) => member.id !== command.id);
      return command.status === "running" ? [command, ...others].sort((a, b) => (a.id < b.id ? 1 : -1)) : others;
    });
  });
  return data;
}

/** The bell: what is on the way, so that one can leave a page and find it again. */
export function RunningCommands() {
  const { say } = useSpeech();
  const [open, setOpen] = useState(false);
  const commands = useRunningCommands();
  const label = say("frame.running", { count: commands.length });
  return (
    <Popover opened={open} onChange={setOpen} position="bottom-end" width={360} shadow="none" trapFocus>
      <Popover.Target>
        <Tooltip label={label} disabled={open}>
          <ActionIcon onClick={() => setOpen(!open)} aria-label={label} aria-expanded={open} className={classes.bell}>
            <IconBell size={18} stroke={1.6} />
            {commands.length > 0 && <span className={classes.count}>{commands.length}</span>}
          </ActionIcon>
        </Tooltip>
      </Popover.Target>
      <Popover.Dropdown className={classes.list}>
        {commands.length === 0 && <p className={classes.none}>{say("frame.runningNone")}</p>}
        {commands.map((command) => (
          <Link key={command.id} to={`/commands/${command.id}`} className={classes.item} onClick={() => setOpen(false)}>
            <CommandText command={command} />
            <span className={`${classes.progress} figures`}>
              {say("command.ended", { ended: countEnded(command.counts), total: command.total })}
            </span>
            <CountsBar counts={command.counts} />
          </Link>
        ))}
      </Popover.Dropdown>
    </Popover>
  );
}
