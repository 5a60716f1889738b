import type { Group } from "@muster/core/resources";
import { useQuery } from "@tanstack/react-query";
import { Link } from "react-router";
import { groupConfigsQuery } from "../../api/config-queries.ts";
import { useSpeech } from "../../i18n/language.tsx";
import { Section } from "../../parts/page.tsx";
import classes from "./group-members.module.css";

/** What the group gives its agents. */
export function GroupConfigs({ group }: { group: Group }) {
  const { say } = useSpeech();
  const { data: configs } = useQuery(groupConfigsQuery(group.id));
  if (!configs) return null;
  return (
    <Section title={say("groups.configs")}>
      {configs.length === 0 ? (
        <p className="dim">
          {say("groups.noConfigs")}{" "}
          <Link className="link" to="/configs">
            {say("frame.configs")}
          </Link>
        </p>
      ) : (
        <ul className={classes.members}>
          {configs.map((config) => (
            <li key={config.id}>
              <Link className="link cut foreign" to={`/configs/${encodeURIComponent(config.id)}/groups`}>
                {config.name}
              </Link>
              <span className="dim figures">
                {say("inputs.revisionOf", { revision: config.groups.find(({ id }) => id === group.id)?.revision ?? 0 })}
              </span>
            </li>
          ))}
        </ul>
      )}
    </Section>
  );
}
