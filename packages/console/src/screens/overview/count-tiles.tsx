import type { AgentCounts, AgentStatus } from "@muster/core/resources";
import { Link } from "react-router";
import { useSpeech } from "../../i18n/language.tsx";
import { AgentMark } from "../../parts/status.tsx";
import classes from "./overview.module.css";

const STATUSES: readonly AgentStatus[] = ["online", "stale", "offline"];

/** How many agents there are in each state; each number leads to them. */
export function CountTiles({ counts }: { counts: AgentCounts | undefined }) {
  const { say, format } = useSpeech();
  const show = (count: number | undefined) => (count === undefined ? "\u00a0" : format.number(count));
  return (
    <div className={classes.tiles}>
      <Link to="/agents" className={classes.tile}>
        <span className={classes.number}>{show(counts?.total)}</span>
        <span className={classes.word}>{say("overview.total", { count: counts?.total ?? 0 })}</span>
      </Link>
      {STATUSES.map((status) => (
        <Link key={status} to={`/agents?status=${status}`} className={classes.tile}>
          <span className={classes.number} data-zero={counts?.[status] === 0 || undefined}>
            {show(counts?.[status])}
          </span>
          <span className={classes.word}>
            <AgentMark status={status} />
            {say(`status.${status}`)}
          </span>
        </Link>
      ))}
    </div>
  );
}
