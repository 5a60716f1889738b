import type { Rollout } from "@muster/core/resources";
import { useQuery } from "@tanstack/react-query";
import { Link } from "react-router";
import { rolloutErrorsQuery } from "../../api/config-queries.ts";
import { useSpeech } from "../../i18n/language.tsx";
import { Section } from "../../parts/page.tsx";
import classes from "./rollout.module.css";

/** What those that failed say, the same words once, the most frequent first. Nothing while nobody failed. */
export function ErrorList({ rollout }: { rollout: Rollout }) {
  const { say } = useSpeech();
  const { data } = useQuery(rolloutErrorsQuery(rollout.id, { isOver: rollout.endedAt !== null }));
  if (!data || data.length === 0) return null;
  return (
    <Section
      title={say("rollout.errors")}
      aside={
        <Link className="link" to="?state=failed" replace>
          {say("rollout.showFailed")}
        </Link>
      }
    >
      <ul className={classes.errors}>
        {data.map(({ error, agents }) => (
          <li key={error}>
            <strong className="figures">{say("agents.count", { count: agents })}</strong>
            <span className={`${classes.words} foreign`}>{error}</span>
          </li>
        ))}
      </ul>
    </Section>
  );
}
