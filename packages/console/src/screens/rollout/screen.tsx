import type { Rollout } from "@muster/core/resources";
import { useQuery } from "@tanstack/react-query";
import { Link, useParams } from "react-router";
import { useNow } from "../../api/clock.tsx";
import { rolloutQuery } from "../../api/config-queries.ts";
import { useLiveConfigs } from "../../api/use-live-configs.ts";
import { usePlace } from "../../app/place.tsx";
import { useMay } from "../../app/session.tsx";
import { useSpeech } from "../../i18n/language.tsx";
import { sumRollout } from "../../logic/rollout-picture.ts";
import { Age } from "../../parts/age.tsx";
import { RolloutStateWord } from "../../parts/config-state.tsx";
import { ErrorNotice, Notice } from "../../parts/notice.tsx";
import { Page } from "../../parts/page.tsx";
import { WaveBar } from "../../parts/wave-bar.tsx";
import { ErrorList } from "./error-list.tsx";
import classes from "./rollout.module.css";
import { RolloutActions } from "./rollout-actions.tsx";
import { RolloutAgents } from "./rollout-agents.tsx";
import { WaveList } from "./wave-list.tsx";

/** One rollout: how far it is, wave by wave, what went wrong, and the brakes. */
export function Screen() {
  const { rolloutId = "" } = useParams();
  const { say } = useSpeech();
  const { data: rollout, error, refetch } = useQuery(rolloutQuery(rolloutId));
  const config = rollout && `/configs/${encodeURIComponent(rollout.configId)}`;
  usePlace([
    { label: say("frame.configs"), to: "/configs" },
    { label: rollout?.configName ?? "…", ...(config && { to: config }) },
    { label: say("rollout.title"), ...(config && { to: `${config}/rollouts` }) },
  ]);
  if (error && !rollout) {
    return (
      <Page title={say("rollout.title")} prose>
        <ErrorNotice error={error} retry={() => void refetch()} />
      </Page>
    );
  }
  if (!rollout) return <Page title={"\u00a0"}>{null}</Page>;
  return <RolloutPage key={rollout.id} rollout={rollout} stale={error} />;
}

function RolloutPage({ rollout, stale }: { rollout: Rollout; stale: unknown }) {
  useLiveConfigs(rollout.configId);
  const { say } = useSpeech();
  const operator = useMay("operator");
  const { configName, revision, state, reason } = rollout;
  return (
    <Page
      title={say("rollout.heading", { name: configName, revision })}
      facts={<Facts rollout={rollout} />}
      actions={operator && <RolloutActions rollout={rollout} />}
    >
      {stale !== null && <ErrorNotice error={stale} />}
      {(state === "halted" || state === "paused") && (
        <Notice tone={state === "halted" ? "wrong" : "attention"} title={say(`rollout.${state}`)}>
          <p className="foreign">{reason}</p>
          <p>{say(state === "halted" ? "rollout.haltedText" : "rollout.pausedText")}</p>
        </Notice>
      )}
      <Progress rollout={rollout} />
      <WaveList rollout={rollout} />
      <ErrorList rollout={rollout} />
      <RolloutAgents rollout={rollout} />
    </Page>
  );
}

function Facts({ rollout }: { rollout: Rollout }) {
  const { say, format } = useSpeech();
  const { state, reason, groups, createdBy, createdAt } = rollout;
  return (
    <>
      <RolloutStateWord state={state} reason={reason} />
      {reason !== "" && state !== "halted" && state !== "paused" && <span className="foreign">{reason}</span>}
      <span className="foreign">
        {groups.map(({ id, name }, index) => (
          <span key={id}>
            {index > 0 && ", "}
            <Link className="link" to={`/groups/${encodeURIComponent(id)}`}>
              {name}
            </Link>
          </span>
        ))}
      </span>
      <span className="foreign">
        {say("command.by", { who: createdBy })} <Age at={createdAt} />
      </span>
      <span>{say("rollout.healthyFor", { span: format.duration(rollout.healthyMs) })}</span>
      <span>{say("rollout.failsAfter", { span: format.duration(rollout.applyTimeoutMs) })}</span>
      <span>{say("rollout.budget", { budget: String(rollout.failureBudget) })}</span>
    </>
  );
}

function Progress({ rollout }: { rollout: Rollout }) {
  const { say, format } = useSpeech();
  const now = useNow(1000);
  const sum = sumRollout(rollout);
  const until = rollout.endedAt === null ? now : Date.parse(rollout.endedAt);
  return (
    <div className={classes.progress}>
      <WaveBar sum={sum} />
      <span className={`${classes.total} figures`} aria-live="polite">
        {say("rollout.applied", { applied: sum.applied, agents: sum.agents })}
        {sum.failed > 0 && ` · ${say("rollout.failed", { count: sum.failed })}`}
        {sum.offline > 0 && ` · ${say("rollout.offline", { count: sum.offline })}`}
        {" · "}
        {format.duration(Math.max(0, until - Date.parse(rollout.createdAt)))}
      </span>
    </div>
  );
}
