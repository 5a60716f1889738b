import type { Config } from "@muster/core/resources";
import { useQuery } from "@tanstack/react-query";
import { configTallyQuery, rolloutQuery } from "../../api/config-queries.ts";
import { useSpeech } from "../../i18n/language.tsx";
import { tallyAgents } from "../../logic/config-tally.ts";
import { sumRollout } from "../../logic/rollout-picture.ts";
import { Age } from "../../parts/age.tsx";
import { ConfigMark, RolloutStateWord } from "../../parts/config-state.tsx";
import { useKindWords } from "../../parts/config-words.ts";
import type { Column } from "../../parts/data-table.tsx";
import { WaveBar } from "../../parts/wave-bar.tsx";
import classes from "./config-columns.module.css";

/** What a row says about a config. */
export function useConfigColumns(): Column<Config>[] {
  const { say } = useSpeech();
  const kindWords = useKindWords();
  return [
    {
      id: "name",
      title: say("configs.name"),
      width: "minmax(120px, 2fr)",
      cell: (config) => (
        <span className={classes.names}>
          <strong className="cut foreign">{config.name}</strong>
          {config.description !== "" && <span className="cut foreign dim">{config.description}</span>}
        </span>
      ),
    },
    {
      id: "kind",
      title: say("configs.kind"),
      width: "minmax(90px, 150px)",
      hideBelow: 640,
      cell: (config) => <span className="cut">{kindWords(config.kind)}</span>,
    },
    {
      id: "revision",
      title: say("inputs.revision"),
      width: "72px",
      align: "end",
      hideBelow: 480,
      cell: (config) => <span className="figures">{config.revision}</span>,
    },
    {
      id: "groups",
      title: say("frame.groups"),
      width: "minmax(100px, 1.4fr)",
      hideBelow: 860,
      cell: (config) => <Groups config={config} />,
    },
    {
      id: "rollout",
      title: say("configs.rollout"),
      width: "minmax(100px, 150px)",
      hideBelow: 720,
      cell: (config) =>
        config.rolloutId === null ? <span className="dim">–</span> : <RolloutCell id={config.rolloutId} />,
    },
    {
      id: "agents",
      title: say("frame.agents"),
      width: "minmax(104px, 150px)",
      cell: (config) => <Tally config={config} />,
    },
    {
      id: "when",
      title: say("configs.changed"),
      width: "92px",
      hideBelow: 1000,
      cell: (config) => (
        <span className="dim" title={config.updatedBy}>
          <Age at={config.updatedAt} />
        </span>
      ),
    },
  ];
}

function Groups({ config }: { config: Config }) {
  const { say } = useSpeech();
  if (config.groups.length === 0) return <span className="dim">{say("configs.givenToNobody")}</span>;
  const words = config.groups.map(({ name, revision }) =>
    revision === config.revision ? name : `${name} (${say("inputs.revisionOf", { revision })})`,
  );
  return (
    <span className="cut foreign" title={words.join("\n")}>
      {words.join(", ")}
    </span>
  );
}

function RolloutCell({ id }: { id: string }) {
  const { data } = useQuery(rolloutQuery(id));
  if (!data) return null;
  return (
    <span className={classes.rollout}>
      <RolloutStateWord state={data.state} reason={data.reason} />
      <WaveBar sum={sumRollout(data)} />
    </span>
  );
}

/** Applied and failed among the agents that should have it. */
function Tally({ config }: { config: Config }) {
  const { say, format } = useSpeech();
  const { data } = useQuery({
    ...configTallyQuery(config.id),
    enabled: config.groups.length > 0 || config.rolloutId !== null,
  });
  if (!data) return <span className="dim">–</span>;
  const { wanted, applied, failed } = tallyAgents(data.items);
  const more = data.nextCursor === null ? "" : "+";
  return (
    <span
      className={`${classes.tally} figures`}
      title={more && say("configs.tallyOfFirst", { count: data.items.length })}
    >
      <span className={classes.count}>
        <ConfigMark status="applied" />
        {format.number(applied)} / {format.number(wanted)}
        {more}
        <span className="only-readers">{say("configStatus.applied")}</span>
      </span>
      {failed > 0 && (
        <span className={classes.count}>
          <ConfigMark status="failed" />
          {format.number(failed)}
          <span className="only-readers">{say("configStatus.failed")}</span>
        </span>
      )}
    </span>
  );
}
