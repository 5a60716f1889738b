import { Button, Tooltip } from "@mantine/core";
import { IconPlus, IconTerminal2, IconWaveSine } from "@tabler/icons-react";
import { useState } from "react";
import { Link, Outlet, useNavigate, useSearchParams } from "react-router";
import { usePlace } from "../../app/place.tsx";
import { useMay } from "../../app/session.tsx";
import { useSpeech } from "../../i18n/language.tsx";
import { readAgentFilter, writeAgentFilter } from "../../logic/agent-filter.ts";
import { NOTHING, type Selection } from "../../logic/selection.ts";
import { Page } from "../../parts/page.tsx";
import { rememberTargets } from "../new-command/picked-targets.ts";
import { AgentTable } from "./agent-table.tsx";
import { FilterBar } from "./filter-bar.tsx";
import { useAgentList } from "./use-agent-list.ts";

/** Every agent of the fleet: find, filter, pick, act. */
export function Screen() {
  const { say } = useSpeech();
  usePlace([{ label: say("frame.agents") }]);
  const navigate = useNavigate();
  const operator = useMay("operator");
  const admin = useMay("admin");
  const [parameters, setParameters] = useSearchParams();
  const filter = readAgentFilter(parameters);
  const change = (part: Parameters<typeof writeAgentFilter>[1]) =>
    setParameters(writeAgentFilter(parameters, part), { replace: true });
  const list = useAgentList(filter);
  const [selection, setSelection] = useState<Selection>(NOTHING);
  const count = selection.ids.size;

  return (
    <Page
      fill
      title={say("frame.agents")}
      actions={
        <>
          {admin && (
            <Button variant="default" component={Link} to="/agents/add" leftSection={<IconPlus size={16} />}>
              {say("addHost.title")}
            </Button>
          )}
          {operator && count > 0 && (
            <Button
              variant="default"
              leftSection={<IconWaveSine size={16} />}
              onClick={() => navigate(`/agents/add-input?${rememberTargets([...selection.ids])}`)}
            >
              {say("inputs.addManyTo", { count })}
            </Button>
          )}
          {operator && (
            <Tooltip label={say("agents.pickFirst")} disabled={count > 0}>
              <Button
                leftSection={<IconTerminal2 size={16} />}
                onClick={() => navigate(`/commands/new?${rememberTargets([...selection.ids])}`)}
              >
                {count > 0 ? say("agents.runOn", { count }) : say("newCommand.title")}
              </Button>
            </Tooltip>
          )}
        </>
      }
    >
      <FilterBar filter={filter} change={change} counts={list.counts} />
      <AgentTable
        list={list}
        filter={filter}
        change={change}
        {...(operator && { selection, onSelection: setSelection })}
      />
      <Outlet />
    </Page>
  );
}
