import { TextInput } from "@mantine/core";
import { useSpeech } from "../../i18n/language.tsx";
import type { GiveDraft, GiveField } from "../../logic/give-draft.ts";
import { dealWaves, readWaves } from "../../logic/wave-plan.ts";
import classes from "./give-config.module.css";

/** How fast, and when it stops by itself. */
export function GiveLimits(props: {
  draft: GiveDraft;
  change: (part: Partial<GiveDraft>) => void;
  faults: ReadonlySet<GiveField>;
  /** How many would change. */
  agents: number;
}) {
  const { draft, change, faults, agents } = props;
  const { say, format } = useSpeech();
  const waves = readWaves(draft.waves);
  const dealt = waves ? dealWaves(waves, agents).filter((size) => size > 0) : [];
  const sizes = dealt.map((size) => format.number(size)).join(" + ");
  return (
    <div className={classes.limits}>
      {draft.pace === "waves" && (
        <TextInput
          className={classes.wide ?? ""}
          label={say("give.waves")}
          description={sizes === "" ? say("give.wavesText") : say("give.wavesOf", { sizes })}
          value={draft.waves}
          error={faults.has("waves") && say("give.badWaves")}
          onChange={(event) => change({ waves: event.currentTarget.value })}
        />
      )}
      {draft.pace === "waves" && (
        <TextInput
          label={say("give.healthy")}
          description={say("give.healthyText")}
          value={draft.healthy}
          error={faults.has("healthy") && say("newCommand.badDuration")}
          onChange={(event) => change({ healthy: event.currentTarget.value })}
        />
      )}
      <TextInput
        label={say("give.budget")}
        description={say("give.budgetText")}
        value={draft.budget}
        error={faults.has("budget") && say("newCommand.badLimit")}
        onChange={(event) => change({ budget: event.currentTarget.value })}
      />
      <TextInput
        label={say("give.timeout")}
        description={say("give.timeoutText")}
        value={draft.timeout}
        error={faults.has("timeout") && say("newCommand.badDuration")}
        onChange={(event) => change({ timeout: event.currentTarget.value })}
      />
    </div>
  );
}
