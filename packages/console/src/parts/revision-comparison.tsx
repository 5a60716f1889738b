import { Select } from "@mantine/core";
import type { ConfigFormat } from "@muster/core/resources";
import type { ReactNode } from "react";
import { useSearchParams } from "react-router";
import { useSpeech } from "../i18n/language.tsx";
import { type Numbered, type RevisionPair, readPair } from "../logic/revision-pair.ts";
import { CodeDiff } from "./code/code.tsx";
import classes from "./revision-comparison.module.css";

/** Any two revisions beside each other; which two is in the address. `revisions` are newest first. */
export function RevisionComparison<Revision extends Numbered>(props: {
  revisions: readonly Revision[];
  textOf: (revision: Revision) => string;
  wordsOf: (revision: Revision) => string;
  format?: ConfigFormat;
  actions?: (pair: RevisionPair<Revision>) => ReactNode;
}) {
  const { revisions, textOf, wordsOf, format = "toml", actions } = props;
  const { say } = useSpeech();
  const [parameters, setParameters] = useSearchParams();
  const pair = readPair(revisions, parameters);
  if (!pair) return null;
  const { before, after } = pair;
  const data = revisions.map((revision) => ({
    value: String(revision.revision),
    label: `${revision.revision} · ${wordsOf(revision)}`,
  }));
  const write = (name: "from" | "to", value: string | null) => {
    if (value === null) return;
    const next = { from: String(before?.revision ?? ""), to: String(after.revision), [name]: value };
    setParameters(new URLSearchParams(next), { replace: true });
  };
  const [earlier, later] = [before ? textOf(before) : "", textOf(after)];
  return (
    <>
      <div className={classes.bar}>
        <Select
          className={classes.select ?? ""}
          label={say("revisions.from")}
          placeholder={say("revisions.nothing")}
          data={data}
          value={before ? String(before.revision) : null}
          onChange={(value) => write("from", value)}
          allowDeselect={false}
        />
        <Select
          className={classes.select ?? ""}
          label={say("revisions.to")}
          data={data}
          value={String(after.revision)}
          onChange={(value) => write("to", value)}
          allowDeselect={false}
        />
        {actions?.(pair)}
      </div>
      {before && earlier === later && <p className={classes.same}>{say("revisions.same")}</p>}
      <CodeDiff before={earlier} after={later} label={say("revisions.diff")} format={format} />
    </>
  );
}
