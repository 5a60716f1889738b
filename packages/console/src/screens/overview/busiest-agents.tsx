import type { Agent } from "@muster/core/resources";
import { useQuery } from "@tanstack/react-query";
import { Link } from "react-router";
import { client } from "../../api/client.ts";
import { useSpeech } from "../../i18n/language.tsx";
import { CellGauge, CPU_LIMITS, MEMORY_LIMITS } from "../../parts/gauge.tsx";
import { Section } from "../../parts/page.tsx";
import { AgentMark } from "../../parts/status.tsx";
import classes from "./overview.module.css";

const SHOWN = 8;
/** The API cannot sort by load, so the busiest are those of the first so many that are online. */
const LOOKED_AT = 1000;

/** Who works hardest right now. */
export function BusiestAgents() {
  const { say } = useSpeech();
  const { data } = useQuery({
    queryKey: ["busiest"],
    queryFn: () => client.agents.list({ status: "online", limit: LOOKED_AT, sort: "-lastSeenAt" }),
    refetchInterval: 10_000,
  });
  const busiest = data && [...data.items].sort(byLoad).slice(0, SHOWN);
  const partly = data !== undefined && data.total > data.items.length;
  return (
    <Section
      title={say("overview.busiest")}
      aside={partly && <span className="dim">{say("overview.lookedAt", { count: LOOKED_AT })}</span>}
    >
      <div className={classes.list}>
        {busiest !== undefined && busiest.length > 0 && (
          <div className={`${classes.agent} ${classes.head}`}>
            <span />
            <span />
            <span>{say("agents.cpu")}</span>
            <span>{say("agents.memory")}</span>
          </div>
        )}
        {busiest?.length === 0 && <div className={classes.none}>{say("overview.nobodyOnline")}</div>}
        {busiest?.map((agent) => (
          <Link key={agent.id} to={`/agents/${agent.id}`} className={`${classes.entry} ${classes.agent}`}>
            <AgentMark status={agent.status} />
            <span className="cut foreign" title={agent.name}>
              {agent.name}
            </span>
            <span title={say("agents.cpu")}>
              <CellGauge share={agent.gauges?.cpu ?? null} limits={CPU_LIMITS} />
            </span>
            <span title={say("agents.memory")}>
              <CellGauge share={agent.gauges?.memory ?? null} limits={MEMORY_LIMITS} />
            </span>
          </Link>
        ))}
      </div>
    </Section>
  );
}

function byLoad(a: Agent, b: Agent): number {
  return (b.gauges?.cpu ?? -1) - (a.gauges?.cpu ?? -1);
}
