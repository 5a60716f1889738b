import { Button } from "@mantine/core";
import type { AgentCounts } from "@muster/core/resources";
import { IconPlus } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Link } from "react-router";
import { useLive } from "../../api/live.tsx";
import { systemQuery } from "../../api/queries.ts";
import { usePlace } from "../../app/place.tsx";
import { useMay } from "../../app/session.tsx";
import { useSpeech } from "../../i18n/language.tsx";
import { ErrorNotice } from "../../parts/notice.tsx";
import { Page } from "../../parts/page.tsx";
import { BusiestAgents } from "./busiest-agents.tsx";
import { CommandList } from "./command-list.tsx";
import { CountTiles } from "./count-tiles.tsx";
import { DoorList } from "./door-list.tsx";
import { FirstHost } from "./first-host.tsx";
import classes from "./overview.module.css";
import { Warnings } from "./warnings.tsx";

/** The fleet at a glance: how many are well, what wants attention, what is going on. */
export function Screen() {
  const { say } = useSpeech();
  usePlace([{ label: say("frame.overview") }]);
  const admin = useMay("admin");
  const { data: system, error, refetch } = useQuery(systemQuery);
  const [live, setLive] = useState<AgentCounts>();
  useLive({ op: "fleet", agentIds: [] }, (event) => {
    if (event.event === "counts") setLive(event.counts);
  });
  const counts = live ?? system?.agents;
  if (error && !system) {
    return (
      <Page title={say("frame.overview")} prose>
        <ErrorNotice error={error} retry={() => void refetch()} />
      </Page>
    );
  }
  return (
    <Page
      title={say("frame.overview")}
      actions={
        admin && (
          <Button variant="default" component={Link} to="/agents/add" leftSection={<IconPlus size={16} />}>
            {say("addHost.title")}
          </Button>
        )
      }
    >
      {system && <Warnings system={system} conflicts={counts?.conflicts ?? 0} />}
      {counts?.total === 0 ? (
        <FirstHost />
      ) : (
        <>
          <CountTiles counts={counts} />
          <div className={classes.columns}>
            <BusiestAgents />
            <CommandList commands24h={system?.commands.last24h} />
          </div>
        </>
      )}
      {system && <DoorList doors={system.doors} />}
    </Page>
  );
}
