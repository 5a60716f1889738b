import type { Input } from "@muster/core/resources";
import { Link } from "react-router";
import { useSpeech } from "../../i18n/language.tsx";
import { nameOf, pathOfInput } from "../../logic/input-list.ts";
import { Age } from "../../parts/age.tsx";
import { CopyText } from "../../parts/copy.tsx";
import type { Column } from "../../parts/data-table.tsx";
import { InputState, toneOfInput } from "../../parts/input-state.tsx";
import { Mark } from "../../parts/mark.tsx";
import classes from "./inputs-tab.module.css";

/** What a row says about an input: how it is and why, and whether anything comes of it. */
export function useInputColumns(): Column<Input>[] {
  const { say, format } = useSpeech();
  return [
    {
      id: "status",
      title: say("inputs.status"),
      width: "104px",
      cell: (input) => <InputState input={input} />,
    },
    {
      id: "collector",
      title: say("inputs.collector"),
      width: "minmax(120px, 1.6fr)",
      cell: (input) => <Name input={input} />,
    },
    {
      id: "points",
      title: say("inputs.points"),
      width: "88px",
      align: "end",
      hideBelow: 560,
      cell: (input) => <span className="figures">{format.number(input.points)}</span>,
    },
    {
      id: "last",
      title: say("inputs.lastPoint"),
      width: "92px",
      hideBelow: 420,
      cell: (input) =>
        input.lastPointAt === null ? <span className="dim">–</span> : <Age at={input.lastPointAt} everyMs={2000} />,
    },
    {
      id: "revision",
      title: say("inputs.revision"),
      width: "64px",
      align: "end",
      hideBelow: 900,
      cell: (input) => <span className="figures">{input.revision ?? "–"}</span>,
    },
    {
      id: "by",
      title: say("inputs.by"),
      width: "minmax(80px, 160px)",
      hideBelow: 1000,
      cell: (input) => <span className="cut foreign">{input.updatedBy ?? "–"}</span>,
    },
    {
      id: "id",
      title: say("inputs.id"),
      width: "270px",
      hideBelow: 1240,
      cell: (input) =>
        input.managed ? (
          <CopyText text={input.id} />
        ) : (
          <span className="cut dim">
            {say("inputs.fileOnHost")} <span className="mono foreign">{input.file}</span>
          </span>
        ),
    },
  ];
}

function Name({ input }: { input: Input }) {
  const { say } = useSpeech();
  return (
    <span className={classes.names}>
      <Link to={pathOfInput(input.agentId, input.id)} tabIndex={-1} className={`${classes.name} cut foreign`}>
        {nameOf(input)}
      </Link>
      {input.drifted && (
        <span className={classes.drifted}>
          <Mark tone="attention" shape="triangle" />
          {say("inputs.drifted")}
        </span>
      )}
      {input.error !== null && (
        <span className={`${classes.reason} cut foreign`} data-tone={toneOfInput(input)} title={input.error}>
          {input.error}
        </span>
      )}
    </span>
  );
}
