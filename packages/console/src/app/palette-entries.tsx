import { useMantineColorScheme } from "@mantine/core";
import {
  IconAdjustments,
  IconKeyboard,
  IconLanguage,
  IconMoon,
  IconPlus,
  IconSun,
  IconTerminal2,
  IconWaveSine,
} from "@tabler/icons-react";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { useMatch } from "react-router";
import { client } from "../api/client.ts";
import { useSpeech } from "../i18n/language.tsx";
import { textOfCommand } from "../parts/command-text.tsx";
import { AgentMark, outcomeOfCommand } from "../parts/status.tsx";
import { API_REFERENCE, DESTINATIONS } from "./places.ts";
import { useMay } from "./session.tsx";

/** Something the palette offers: a place to go or a thing to do. */
export interface PaletteEntry {
  readonly key: string;
  readonly section: string;
  readonly label: string;
  readonly icon: ReactNode;
  readonly hint?: string;
  readonly to?: string;
  readonly act?: () => void;
}

/** What matches `text`; agents, configs and commands are asked of the server for `asked`, the text as it was a moment ago. */
export function usePaletteEntries(text: string, asked: string, showShortcuts: () => void): PaletteEntry[] {
  const { say } = useSpeech();
  const found = useFound(asked.trim());
  const fixed = useFixedEntries(showShortcuts);
  const wanted = text.trim().toLowerCase();
  const matching = fixed.filter((entry) => entry.label.toLowerCase().includes(wanted));
  if (wanted === "") return matching;
  const agents = (found?.agents ?? []).map((agent) => ({
    key: agent.id,
    section: say("frame.agents"),
    label: agent.name,
    icon: <AgentMark status={agent.status} />,
    hint: say(`status.${agent.status}`),
    to: `/agents/${agent.id}`,
  }));
  const commands = (found?.commands ?? []).map((command) => ({
    key: command.id,
    section: say("frame.commands"),
    label: textOfCommand(command),
    icon: <IconTerminal2 size={16} stroke={1.6} />,
    hint: say(`commandStatus.${outcomeOfCommand(command)}`),
    to: `/commands/${command.id}`,
  }));
  const configs = (found?.configs ?? []).map((config) => ({
    key: config.id,
    section: say("frame.configs"),
    label: config.name,
    icon: <IconAdjustments size={16} stroke={1.6} />,
    hint: say("inputs.revisionOf", { revision: config.revision }),
    to: `/configs/${encodeURIComponent(config.id)}`,
  }));
  return [...agents, ...configs, ...commands, ...matching];
}

function useFound(filter: string) {
  return useQuery({
    queryKey: ["palette", filter],
    queryFn: async () => {
      const [agents, configs, commands] = await Promise.all([
        client.agents.list({ filter, limit: 6, sort: "name" }),
        client.configs.list({ filter, limit: 4 }),
        client.commands.list({ filter, limit: 4 }),
      ]);
      return { agents: agents.items, configs: configs.items, commands: commands.items };
    },
    enabled: filter !== "",
    placeholderData: keepPreviousData,
  }).data;
}

/** What follows /agents/ and is no agent. */
const OTHER_PAGES: readonly string[] = ["add", "add-input"];

/** The agent whose page is open, as it stands in the address. */
function useAgentHere(): string | undefined {
  const agentId = useMatch("/agents/:agentId/*")?.params.agentId;
  return agentId === undefined || OTHER_PAGES.includes(agentId) ? undefined : encodeURIComponent(agentId);
}

function useFixedEntries(showShortcuts: () => void): PaletteEntry[] {
  const { say, language, setLanguage } = useSpeech();
  const { setColorScheme } = useMantineColorScheme();
  const operator = useMay("operator");
  const admin = useMay("admin");
  const agentId = useAgentHere();
  const go = say("palette.go");
  const act = say("palette.act");
  const other = language === "en" ? "zh" : "en";
  const icon = { size: 16, stroke: 1.6 } as const;
  const entries: (PaletteEntry | false)[] = [
    ...DESTINATIONS.map(
      ({ path, label, icon: Icon, jump, role }) =>
        (role !== "admin" || admin) && {
          key: path,
          section: go,
          label: say(label),
          icon: <Icon {...icon} />,
          hint: `g ${jump}`,
          to: path,
        },
    ),
    {
      key: "api",
      section: go,
      label: say(API_REFERENCE.label),
      icon: <API_REFERENCE.icon {...icon} />,
      to: API_REFERENCE.path,
    },
    operator && {
      key: "new-command",
      section: act,
      label: say("newCommand.title"),
      icon: <IconTerminal2 {...icon} />,
      hint: "g n",
      to: "/commands/new",
    },
    operator && {
      key: "add-inputs",
      section: act,
      label: say("inputs.addMany"),
      icon: <IconWaveSine {...icon} />,
      hint: "g i",
      to: "/agents/add-input",
    },
    operator && {
      key: "new-config",
      section: act,
      label: say("configs.create"),
      icon: <IconAdjustments {...icon} />,
      to: "/configs/new",
    },
    agentId !== undefined && {
      key: "inputs",
      section: go,
      label: say("palette.inputs"),
      icon: <IconWaveSine {...icon} />,
      to: `/agents/${agentId}/inputs`,
    },
    agentId !== undefined &&
      operator && {
        key: "add-input",
        section: act,
        label: say("palette.addInput"),
        icon: <IconWaveSine {...icon} />,
        to: `/agents/${agentId}/inputs/add`,
      },
    admin && {
      key: "add-host",
      section: act,
      label: say("addHost.title"),
      icon: <IconPlus {...icon} />,
      to: "/agents/add",
    },
    {
      key: "dark",
      section: act,
      label: say("palette.dark"),
      icon: <IconMoon {...icon} />,
      act: () => setColorScheme("dark"),
    },
    {
      key: "light",
      section: act,
      label: say("palette.light"),
      icon: <IconSun {...icon} />,
      act: () => setColorScheme("light"),
    },
    {
      key: "language",
      section: act,
      label: say(`frame.language.${other}`),
      icon: <IconLanguage {...icon} />,
      act: () => setLanguage(other),
    },
    {
      key: "keys",
      section: act,
      label: say("shortcuts.title"),
      icon: <IconKeyboard {...icon} />,
      hint: "?",
      act: showShortcuts,
    },
  ];
  return entries.filter((entry) => entry !== false);
}
