import type { ComponentType } from "react";
import { createBrowserRouter } from "react-router";
import { Broken } from "./broken.tsx";
import { Frame } from "./frame.tsx";
import { Nowhere } from "./nowhere.tsx";

type Screen = { Screen: ComponentType };

/** Each screen is a file of its own that is fetched when it is first opened. */
const screen = (load: () => Promise<Screen>) => async () => ({ Component: (await load()).Screen });

const SCREENS = {
  login: screen(() => import("../screens/login/screen.tsx")),
  overview: screen(() => import("../screens/overview/screen.tsx")),
  agents: screen(() => import("../screens/agents/screen.tsx")),
  addHost: screen(() => import("../screens/add-host/screen.tsx")),
  agent: screen(() => import("../screens/agent/screen.tsx")),
  addInput: screen(() => import("../screens/add-input/screen.tsx")),
  addInputs: screen(() => import("../screens/add-inputs/screen.tsx")),
  input: screen(() => import("../screens/input/screen.tsx")),
  commands: screen(() => import("../screens/commands/screen.tsx")),
  newCommand: screen(() => import("../screens/new-command/screen.tsx")),
  command: screen(() => import("../screens/command/screen.tsx")),
  run: screen(() => import("../screens/run/screen.tsx")),
  configs: screen(() => import("../screens/configs/screen.tsx")),
  newConfig: screen(() => import("../screens/new-config/screen.tsx")),
  config: screen(() => import("../screens/config/screen.tsx")),
  giveConfig: screen(() => import("../screens/give-config/screen.tsx")),
  rollout: screen(() => import("../screens/rollout/screen.tsx")),
  logs: screen(() => import("../screens/logs/screen.tsx")),
  groups: screen(() => import("../screens/groups/screen.tsx")),
  group: screen(() => import("../screens/group/screen.tsx")),
  audit: screen(() => import("../screens/audit/screen.tsx")),
  settings: screen(() => import("../screens/settings/screen.tsx")),
} as const;

/** Where everything is. A link once given out keeps working, so paths are changed only with a redirect. */
export function createRouter() {
  return createBrowserRouter([
    { path: "/login", lazy: SCREENS.login, errorElement: <Broken />, hydrateFallbackElement: <div /> },
    {
      path: "/",
      element: <Frame />,
      errorElement: <Broken />,
      hydrateFallbackElement: <div />,
      children: [
        {
          errorElement: <Broken />,
          children: [
            { index: true, lazy: SCREENS.overview },
            { path: "agents", lazy: SCREENS.agents, children: [{ path: "add", lazy: SCREENS.addHost }] },
            { path: "agents/:agentId/:tab?", lazy: SCREENS.agent },
            { path: "agents/:agentId/inputs/add", lazy: SCREENS.addInput },
            { path: "agents/:agentId/inputs/:inputId/:tab?", lazy: SCREENS.input },
            { path: "agents/add-input", lazy: SCREENS.addInputs },
            { path: "commands", lazy: SCREENS.commands },
            { path: "commands/new", lazy: SCREENS.newCommand },
            { path: "commands/:commandId/:tab?", lazy: SCREENS.command },
            { path: "runs/:runId", lazy: SCREENS.run },
            { path: "configs", lazy: SCREENS.configs },
            { path: "configs/new", lazy: SCREENS.newConfig },
            { path: "configs/:configId/:tab?", lazy: SCREENS.config },
            { path: "configs/:configId/give", lazy: SCREENS.giveConfig },
            { path: "rollouts/:rolloutId", lazy: SCREENS.rollout },
            { path: "logs", lazy: SCREENS.logs },
            { path: "groups", lazy: SCREENS.groups },
            { path: "groups/:groupId", lazy: SCREENS.group },
            { path: "audit", lazy: SCREENS.audit },
            { path: "settings/:section?", lazy: SCREENS.settings },
            { path: "*", element: <Nowhere /> },
          ],
        },
      ],
    },
  ]);
}
