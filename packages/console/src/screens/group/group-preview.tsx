import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { client } from "../../api/client.ts";
import { useSpeech } from "../../i18n/language.tsx";
import { findSelectorFault } from "../../logic/agent-filter.ts";
import type { GroupTag } from "../../logic/group-tags.ts";
import { AgentMark } from "../../parts/status.tsx";
import classes from "./group-members.module.css";

const STATUSES = ["online", "stale", "offline"] as const;

/** Who would belong with what stands in the form now, before anything is stored. */
export function GroupPreview(props: { selector: string; tags: readonly GroupTag[]; agentIds: readonly string[] }) {
  const { selector, tags, agentIds } = props;
  const { say } = useSpeech();
  const asks = findSelectorFault(selector) === undefined && (selector !== "" || tags.length > 0 || agentIds.length > 0);
  const { data } = useQuery({
    queryKey: ["group-preview", selector, tags, agentIds],
    queryFn: () =>
      client.groups.preview({
        selector: selector === "" ? null : selector,
        tags: [...tags],
        agentIds: [...agentIds],
      }),
    enabled: asks,
    placeholderData: keepPreviousData,
    retry: false,
  });
  if (!asks) return <p className="dim">{say("groups.nobodyBelongs")}</p>;
  if (!data) return null;
  const left = data.agents - data.items.length;
  return (
    <section aria-live="polite">
      <strong>{say("groups.matches", { count: data.agents })}</strong>
      {data.items.length > 0 && (
        <ul className={classes.members}>
          {data.items.map((item) => (
            <li key={item.id}>
              <span className={`${classes.member} cut foreign`}>
                <AgentMark status={STATUSES.find((status) => status === item.status) ?? "offline"} />
                {item.name}
              </span>
            </li>
          ))}
        </ul>
      )}
      {left > 0 && <p className="dim figures">{say("give.more", { count: left })}</p>}
    </section>
  );
}
