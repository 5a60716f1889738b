import type { LatestSample } from "@muster/core/resources";
import { useSpeech } from "../../i18n/language.tsx";
import { Legend } from "../../parts/legend.tsx";
import classes from "./core-bars.module.css";
import { Panel } from "./panel.tsx";

type Cores = NonNullable<LatestSample["detail"]>["cores"];

/** Every core as a bar of user, system and iowait. The bars share the row, so two fill it and 128 fit it. */
export function CoreBars({ cores, model }: { cores: Cores; model: string | undefined }) {
  const { say, format } = useSpeech();
  return (
    <Panel title={say("agent.cores", { count: cores.length })} aside={<span className="foreign">{model ?? ""}</span>}>
      <div className={classes.bars} data-many={cores.length > 32 || undefined}>
        {cores.map((core, index) => {
          const words = say("agent.core", {
            number: index,
            user: format.percent(core.user),
            system: format.percent(core.system),
            iowait: format.percent(core.iowait),
          });
          return (
            // biome-ignore lint/suspicious/noArrayIndexKey: a core is its place
            <div key={index} className={classes.bar} title={words}>
              <span style={{ height: toHeight(core.iowait), background: "var(--m-series-1)" }} />
              <span style={{ height: toHeight(core.system), background: "var(--m-series-2)" }} />
              <span style={{ height: toHeight(core.user), background: "var(--m-series-0)" }} />
            </div>
          );
        })}
      </div>
      <Legend
        items={[
          { label: say("agent.user"), color: "var(--m-series-0)" },
          { label: say("agent.system"), color: "var(--m-series-2)" },
          { label: say("agent.iowait"), color: "var(--m-series-1)" },
        ]}
      />
    </Panel>
  );
}

const toHeight = (share: number) => `${Math.min(Math.max(share, 0), 1) * 100}%`;
