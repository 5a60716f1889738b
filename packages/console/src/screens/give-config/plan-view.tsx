import type { Config, ConfigPlan } from "@muster/core/resources";
import type { UseQueryResult } from "@tanstack/react-query";
import { Link } from "react-router";
import { useSpeech } from "../../i18n/language.tsx";
import type { GiveDraft } from "../../logic/give-draft.ts";
import { Empty } from "../../parts/empty.tsx";
import { Mark } from "../../parts/mark.tsx";
import { ErrorNotice } from "../../parts/notice.tsx";
import classes from "./give-config.module.css";

/** What would change, and for whom it cannot. */
export function PlanView(props: { config: Config; draft: GiveDraft; plan: UseQueryResult<ConfigPlan> }) {
  const { config, draft, plan } = props;
  const { say } = useSpeech();
  if (draft.groups.length === 0) {
    return (
      <section className={classes.plan} aria-label={say("give.plan")}>
        <Empty title={say("give.nobody")} text={say("give.nobodyText")} />
      </section>
    );
  }
  return (
    <section className={classes.plan} aria-label={say("give.plan")} aria-busy={plan.isFetching}>
      <h2 className={classes.heading}>{say("give.plan")}</h2>
      {plan.error && <ErrorNotice error={plan.error} retry={() => void plan.refetch()} />}
      {plan.data && <Outcome config={config} draft={draft} plan={plan.data} />}
    </section>
  );
}

function Outcome({ config, draft, plan }: { config: Config; draft: GiveDraft; plan: ConfigPlan }) {
  const { say } = useSpeech();
  const { items } = plan;
  const left = plan.changed + plan.unable - items.length;
  return (
    <>
      <ul className={classes.counts}>
        <li>
          <Mark tone={plan.changed > 0 ? "accent" : "unknown"} shape="play" />
          {say("give.changed", { count: plan.changed })}
        </li>
        <li>
          <Mark tone="ok" shape="tick" />
          {say("give.unchanged", { count: plan.unchanged })}
        </li>
        {plan.unable > 0 && (
          <li>
            <Mark tone="wrong" shape="slash" />
            {say("give.unable", { count: plan.unable })}
          </li>
        )}
      </ul>
      <p className="dim">{say("give.planText")}</p>
      <ul className={classes.items}>
        {items.map((item) => (
          <li key={item.agentId}>
            <Mark
              tone={item.outcome === "changed" ? "accent" : "wrong"}
              shape={item.outcome === "changed" ? "play" : "slash"}
            />
            <span className="cut foreign">{item.agentName}</span>
            {item.outcome === "changed" ? (
              <Step configId={config.id} from={item.from} to={draft.revision} />
            ) : (
              <span className={`${classes.reason} foreign`}>{item.reason}</span>
            )}
          </li>
        ))}
      </ul>
      {left > 0 && <p className="dim figures">{say("give.more", { count: left })}</p>}
    </>
  );
}

function Step({ configId, from, to }: { configId: string; from: number | null; to: number }) {
  const { say } = useSpeech();
  if (from === null) return <span className={`${classes.step} dim`}>{say("give.firstTime", { to })}</span>;
  return (
    <Link
      className={`${classes.step} link figures`}
      to={`/configs/${encodeURIComponent(configId)}/revisions?from=${from}&to=${to}`}
      title={say("configs.seeDifference")}
    >
      {say("give.step", { from, to })}
    </Link>
  );
}
