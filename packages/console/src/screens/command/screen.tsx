import { Button } from "@mantine/core";
import type { Command } from "@muster/core/resources";
import { IconRepeat } from "@tabler/icons-react";
import { useMemo } from "react";
import { Link, useParams } from "react-router";
import { usePlace } from "../../app/place.tsx";
import { useMay } from "../../app/session.tsx";
import { useSpeech } from "../../i18n/language.tsx";
import { textOfCommand } from "../../parts/command-text.tsx";
import { ErrorNotice } from "../../parts/notice.tsx";
import { OutputView } from "../../parts/output-view.tsx";
import { Page } from "../../parts/page.tsx";
import { LinkTabs } from "../../parts/tabs.tsx";
import { CancelCommand } from "./cancel-command.tsx";
import { CommandHeader } from "./command-header.tsx";
import { FoldsTab } from "./folds-tab.tsx";
import { RunsTab } from "./runs-tab.tsx";
import { type CommandPicture, useCommand } from "./use-command.ts";

const TABS = ["output", "folds", "runs"] as const;
type Tab = (typeof TABS)[number];

/** One command: how far it is, what the hosts say, what each of them did. */
export function Screen() {
  const { commandId = "", tab } = useParams();
  return <CommandScreen key={commandId} commandId={commandId} tab={tab} />;
}

function CommandScreen({ commandId, tab }: { commandId: string; tab: string | undefined }) {
  const { say } = useSpeech();
  const picture = useCommand(commandId);
  const { command, error } = picture;
  usePlace([
    { label: say("frame.commands"), to: "/commands" },
    { label: command ? firstLine(textOfCommand(command)) : "…" },
  ]);
  if (error) {
    return (
      <Page title={say("frame.commands")} prose>
        <ErrorNotice error={error} retry={picture.retry} />
      </Page>
    );
  }
  if (!command) return <Page title={"\u00a0"}>{null}</Page>;
  const chosen = TABS.find((known) => known === tab) ?? defaultTab(command);
  return <CommandPage command={command} picture={picture} tab={chosen} />;
}

/** Many hosts that are done are read folded; one host, or hosts at work, as they write. */
function defaultTab(command: Command): Tab {
  return command.total > 1 && command.finishedAt !== null ? "folds" : "output";
}

function CommandPage({ command, picture, tab }: { command: Command; picture: CommandPicture; tab: Tab }) {
  const { say } = useSpeech();
  const operator = useMay("operator");
  const { runs, output } = picture;
  const names = useMemo(() => new Map((runs ?? []).map((run) => [run.id, run.agentName])), [runs]);
  const base = `/commands/${command.id}`;
  const running = command.finishedAt === null;
  return (
    <Page
      fill
      title={<span className="mono foreign">{firstLine(textOfCommand(command))}</span>}
      actions={
        operator && (
          <>
            <Button
              variant="default"
              component={Link}
              to={`/commands/new?from=${command.id}`}
              leftSection={<IconRepeat size={16} />}
            >
              {say("command.again")}
            </Button>
            {running && <CancelCommand command={command} />}
          </>
        )
      }
    >
      <CommandHeader command={command} />
      <LinkTabs
        label={say("command.views")}
        current={tab}
        tabs={TABS.map((id) => ({ id, to: `${base}/${id}`, label: say(`command.tab.${id}`) }))}
      />
      {tab === "output" && (
        <OutputView
          lines={output.output.lines}
          forgotten={output.output.forgotten}
          growing={running}
          {...(command.total > 1 && { nameOf: (runId: string) => names.get(runId) })}
          fileName={`command-${command.id}.txt`}
          empty={running ? say("command.noOutputYet") : say("command.noOutput")}
        />
      )}
      {tab === "folds" && <FoldsTab runs={runs ?? []} />}
      {tab === "runs" && <RunsTab runs={runs} />}
    </Page>
  );
}

function firstLine(text: string): string {
  const [first = "", ...more] = text.trim().split("\n");
  return more.length > 0 ? `${first} …` : first;
}
