import { Button } from "@mantine/core";
import type { InputBulkOutcome } from "@muster/core/resources";
import { useState } from "react";
import { Link, useSearchParams } from "react-router";
import { usePlace } from "../../app/place.tsx";
import { useMay } from "../../app/session.tsx";
import { useSpeech } from "../../i18n/language.tsx";
import { type CommandDraft, EMPTY_DRAFT, toTargets } from "../../logic/command-draft.ts";
import { mergeOutcomes } from "../../logic/input-outcomes.ts";
import { Notice } from "../../parts/notice.tsx";
import { Page } from "../../parts/page.tsx";
import { readPickedTargets } from "../new-command/picked-targets.ts";
import { TargetChooser } from "../new-command/target-chooser.tsx";
import classes from "./add-inputs.module.css";
import { ChooseForMany } from "./choose-for-many.tsx";
import { OutcomeTable } from "./outcome-table.tsx";
import { TargetSummary } from "./target-summary.tsx";
import { useTargets } from "./use-targets.ts";
import { WriteForMany } from "./write-for-many.tsx";

/** A text that was given to agents, with what came of it. */
interface Attempt {
  readonly toml: string;
  readonly items: readonly InputBulkOutcome[];
}

/** One input for many agents: whom, which collector, its text, and what came of it on each. */
export function Screen() {
  const { say } = useSpeech();
  const operator = useMay("operator");
  const [parameters] = useSearchParams();
  const input = parameters.get("input");
  usePlace([{ label: say("frame.agents"), to: "/agents" }, { label: say("bulk.title") }]);
  if (!operator) {
    return (
      <Page title={say("bulk.title")} prose>
        <Notice tone="attention" title={say("bulk.notAllowed")} />
      </Page>
    );
  }
  return <AddInputs parameters={parameters} input={input} />;
}

function AddInputs({ parameters, input }: { parameters: URLSearchParams; input: string | null }) {
  const { say } = useSpeech();
  const [draft, setDraft] = useState<CommandDraft>(() => initialDraft(parameters));
  const [attempt, setAttempt] = useState<Attempt>();
  const [text, setText] = useState<string>();
  const targets = useTargets(draft);
  const inputType = parameters.get("type") ?? "datakit";
  if (attempt && input !== null) {
    return (
      <OutcomeTable
        input={{ input, inputType, toml: attempt.toml }}
        items={attempt.items}
        onMore={(items) => setAttempt({ ...attempt, items: mergeOutcomes(attempt.items, items) })}
        edit={() => setAttempt(undefined)}
      />
    );
  }
  const linkOf = (choice: { input: string; inputType: string } | undefined) => {
    const next = new URLSearchParams(parameters);
    for (const name of ["input", "type"]) next.delete(name);
    if (choice) next.set("input", choice.input);
    if (choice && choice.inputType !== "datakit") next.set("type", choice.inputType);
    return `?${next}`;
  };
  return (
    <Page
      fill
      title={input === null ? say("bulk.title") : say("inputs.configOf", { input })}
      actions={
        input !== null && (
          <Button variant="default" component={Link} to={linkOf(undefined)} onClick={() => setText(undefined)}>
            {say("inputs.otherCollector")}
          </Button>
        )
      }
    >
      <div className={classes.form}>
        <div className={classes.what}>
          {input === null ? (
            <ChooseForMany targets={targets} linkOf={linkOf} />
          ) : (
            <WriteForMany
              input={{ input, inputType }}
              targets={targets}
              asked={toTargets(draft)}
              text={text}
              onText={setText}
              onDone={(toml, items) => setAttempt({ toml, items })}
            />
          )}
        </div>
        <div className={classes.whom}>
          <TargetChooser draft={draft} change={(part) => setDraft((old) => ({ ...old, ...part }))} />
          <TargetSummary targets={targets} isEveryone={draft.mode === "all"} />
        </div>
      </div>
    </Page>
  );
}

function initialDraft(parameters: URLSearchParams): CommandDraft {
  const group = parameters.get("group");
  const selector = parameters.get("labels");
  return {
    ...EMPTY_DRAFT,
    ids: readPickedTargets(parameters),
    ...(group && { mode: "groups", groups: [group] }),
    ...(selector && { mode: "labels", selector }),
  };
}
