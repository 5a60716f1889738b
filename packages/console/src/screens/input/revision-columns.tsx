import type { InputRevision } from "@muster/core/resources";
import { useSpeech } from "../../i18n/language.tsx";
import { readDeed } from "../../logic/revision-pair.ts";
import { Age } from "../../parts/age.tsx";
import type { Column } from "../../parts/data-table.tsx";
import { Mark, type Shape, type Tone } from "../../parts/mark.tsx";
import classes from "./history-tab.module.css";

const LOOKS: Readonly<Record<InputRevision["outcome"], readonly [Tone, Shape]>> = {
  applied: ["ok", "tick"],
  refused: ["wrong", "slash"],
  unknown: ["attention", "question"],
};

/** What was done, in the reader's language where it is the server's word, and as it was written where it is a person's. */
export function useDeedWords(): (revision: InputRevision) => string {
  const { say } = useSpeech();
  return ({ message }) => {
    const deed = readDeed(message);
    if (deed.kind === "said") return deed.message;
    if (deed.kind === "rolledBack") return say("revisions.rolledBack", { revision: deed.revision });
    return say(`deed.${deed.kind}`);
  };
}

export function useRevisionColumns(): Column<InputRevision>[] {
  const { say } = useSpeech();
  const deedOf = useDeedWords();
  return [
    {
      id: "revision",
      title: say("inputs.revision"),
      width: "60px",
      align: "end",
      cell: ({ revision }) => <span className="figures">{revision}</span>,
    },
    {
      id: "what",
      title: say("revisions.what"),
      width: "minmax(100px, 1fr)",
      cell: (revision) => <span className="cut foreign">{deedOf(revision)}</span>,
    },
    {
      id: "outcome",
      title: say("revisions.outcome"),
      width: "minmax(100px, 1.4fr)",
      cell: ({ outcome, reason }) => (
        <span className={classes.outcome} title={reason ?? undefined}>
          <Mark tone={LOOKS[outcome][0]} shape={LOOKS[outcome][1]} />
          {say(`revision.${outcome}`)}
          {reason !== null && <span className="cut foreign dim">{reason}</span>}
        </span>
      ),
    },
    {
      id: "who",
      title: say("revisions.who"),
      width: "minmax(70px, 160px)",
      hideBelow: 640,
      cell: ({ createdBy }) => <span className="cut foreign">{createdBy}</span>,
    },
    {
      id: "when",
      title: say("revisions.when"),
      width: "92px",
      cell: ({ createdAt }) => <Age at={createdAt} />,
    },
  ];
}
