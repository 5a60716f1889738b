import type { Command } from "@muster/core/resources";
import { useSpeech } from "../../i18n/language.tsx";
import { Age } from "../../parts/age.tsx";
import { CommandText } from "../../parts/command-text.tsx";
import { CountsBar, countEnded } from "../../parts/counts-bar.tsx";
import type { Column } from "../../parts/data-table.tsx";
import { CommandState } from "../../parts/status.tsx";
import { useTargetWords } from "../../parts/target-words.ts";

/** What a row says about a command. */
export function useCommandColumns(): Column<Command>[] {
  const { say } = useSpeech();
  return [
    {
      id: "status",
      title: say("runs.status"),
      width: "110px",
      hideBelow: 520,
      cell: (command) => <CommandState command={command} />,
    },
    {
      id: "text",
      title: say("runs.command"),
      width: "minmax(120px, 3fr)",
      cell: (command) => <CommandText command={command} />,
    },
    {
      id: "targets",
      title: say("commands.targets"),
      width: "minmax(100px, 1.5fr)",
      hideBelow: 1000,
      cell: (command) => <TargetCell targets={command.targets} />,
    },
    {
      id: "progress",
      title: say("commands.progress"),
      width: "minmax(96px, 180px)",
      cell: (command) => <ProgressCell command={command} />,
    },
    {
      id: "by",
      title: say("commands.by"),
      width: "100px",
      hideBelow: 1100,
      cell: (command) => <span className="cut foreign dim">{command.createdBy}</span>,
    },
    {
      id: "when",
      title: say("runs.when"),
      width: "88px",
      hideBelow: 420,
      cell: (command) => (
        <span className="dim">
          <Age at={command.createdAt} />
        </span>
      ),
    },
  ];
}

function TargetCell({ targets }: { targets: Command["targets"] }) {
  const words = useTargetWords(targets);
  return (
    <span className="cut foreign dim" title={words}>
      {words}
    </span>
  );
}

function ProgressCell({ command }: { command: Command }) {
  const { say } = useSpeech();
  return (
    <span style={{ display: "grid", gap: 4, width: "100%" }}>
      <CountsBar counts={command.counts} />
      <span className="dim figures" style={{ fontSize: 12, lineHeight: "16px" }}>
        {say("command.ended", { ended: countEnded(command.counts), total: command.total })}
      </span>
    </span>
  );
}
