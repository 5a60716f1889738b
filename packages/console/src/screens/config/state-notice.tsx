import { Button } from "@mantine/core";
import type { Config } from "@muster/core/resources";
import { useQuery } from "@tanstack/react-query";
import { Link } from "react-router";
import { rolloutQuery } from "../../api/config-queries.ts";
import { useMay } from "../../app/session.tsx";
import { useSpeech } from "../../i18n/language.tsx";
import { sumRollout } from "../../logic/rollout-picture.ts";
import { Notice } from "../../parts/notice.tsx";
import { useWaveWords, WaveBar } from "../../parts/wave-bar.tsx";
import classes from "./config.module.css";

/** What is the matter right now: a rollout under way, or a newest revision that nobody has been given. */
export function StateNotice({ config, saved }: { config: Config; saved: number | undefined }) {
  if (config.rolloutId !== null) return <UnderWay id={config.rolloutId} />;
  return <NotGiven config={config} saved={saved} />;
}

function UnderWay({ id }: { id: string }) {
  const { say } = useSpeech();
  const { data: rollout } = useQuery(rolloutQuery(id));
  const sum = sumRollout(rollout ?? { wave: 0, waves: [] });
  const words = useWaveWords(sum);
  if (!rollout || rollout.endedAt !== null) return null;
  const { state, revision } = rollout;
  return (
    <Notice
      tone={state === "halted" ? "wrong" : state === "paused" ? "attention" : "accent"}
      title={say("configs.underWay", { revision, state: say(`rolloutState.${state}`) })}
    >
      <WaveBar sum={sum} />
      <p className="figures">
        {words}
        {rollout.reason !== "" && <span className="foreign"> · {rollout.reason}</span>}
      </p>
      <Button variant="default" size="xs" component={Link} to={`/rollouts/${encodeURIComponent(id)}`}>
        {say("configs.seeRollout")}
      </Button>
    </Notice>
  );
}

function NotGiven({ config, saved }: { config: Config; saved: number | undefined }) {
  const { say } = useSpeech();
  const operator = useMay("operator");
  const behind = config.groups.filter(({ revision }) => revision < config.revision);
  const { revision } = config;
  if (config.groups.length > 0 && behind.length === 0) return null;
  const title = saved === revision ? say("configs.savedNotGiven", { revision }) : say("configs.notGiven", { revision });
  return (
    <Notice tone={saved === revision ? "ok" : "unknown"} title={title}>
      {behind.length > 0 && (
        <p className="foreign">
          {behind.map((group) => `${group.name}: ${say("inputs.revisionOf", { revision: group.revision })}`).join(", ")}
        </p>
      )}
      {operator && (
        <div className={classes.choices}>
          <Button
            variant="default"
            size="xs"
            component={Link}
            to={`/configs/${encodeURIComponent(config.id)}/give?revision=${revision}${behind
              .map(({ id }) => `&group=${encodeURIComponent(id)}`)
              .join("")}`}
          >
            {say("configs.giveRevision", { revision })}
          </Button>
        </div>
      )}
    </Notice>
  );
}
