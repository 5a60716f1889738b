import { Textarea, TextInput } from "@mantine/core";
import { useState } from "react";
import { useSpeech } from "../../i18n/language.tsx";
import { type CommandDraft, type DraftField, EMPTY_DRAFT } from "../../logic/command-draft.ts";
import classes from "./new-command.module.css";

/** What may differ besides the timeout. */
const LATER = ["expires", "concurrency", "budget", "cwd", "user", "env"] as const;

/** How long, how many at once, how many failures, as whom and where. */
export function CommandLimits(props: {
  draft: CommandDraft;
  change: (part: Partial<CommandDraft>) => void;
  faults: ReadonlySet<DraftField>;
}) {
  const { draft, change, faults } = props;
  const { say } = useSpeech();
  const untouched =
    EMPTY_DRAFT.timeout === draft.timeout && LATER.every((field) => draft[field] === EMPTY_DRAFT[field]);
  const [opened] = useState(!untouched);
  const faulty = LATER.some((field) => faults.has(field as DraftField)) || faults.has("timeout");
  return (
    <details className={classes.more} open={opened || faulty}>
      <summary>
        {say("newCommand.limits")}
        <span className="dim">{say("newCommand.limitsNow", { timeout: draft.timeout, expires: draft.expires })}</span>
      </summary>
      <div className={classes.limits}>
        <TextInput
          label={say("newCommand.timeout")}
          description={say("newCommand.timeoutText")}
          value={draft.timeout}
          error={faults.has("timeout") && say("newCommand.badDuration")}
          onChange={(event) => change({ timeout: event.currentTarget.value })}
        />
        <TextInput
          label={say("newCommand.expires")}
          description={say("newCommand.expiresText")}
          value={draft.expires}
          error={faults.has("expires") && say("newCommand.badDuration")}
          onChange={(event) => change({ expires: event.currentTarget.value })}
        />
        <TextInput
          label={say("newCommand.concurrency")}
          description={say("newCommand.concurrencyText")}
          placeholder={say("newCommand.noLimit")}
          value={draft.concurrency}
          error={faults.has("concurrency") && say("newCommand.badLimit")}
          onChange={(event) => change({ concurrency: event.currentTarget.value })}
        />
        <TextInput
          label={say("newCommand.budget")}
          description={say("newCommand.budgetText")}
          placeholder={say("newCommand.noLimit")}
          value={draft.budget}
          error={faults.has("budget") && say("newCommand.badLimit")}
          onChange={(event) => change({ budget: event.currentTarget.value })}
        />
        <TextInput
          label={say("newCommand.cwd")}
          placeholder={say("newCommand.agentDefault")}
          value={draft.cwd}
          maxLength={4096}
          spellCheck={false}
          onChange={(event) => change({ cwd: event.currentTarget.value })}
        />
        <TextInput
          label={say("newCommand.user")}
          placeholder={say("newCommand.agentDefault")}
          value={draft.user}
          maxLength={64}
          spellCheck={false}
          autoComplete="off"
          onChange={(event) => change({ user: event.currentTarget.value })}
        />
        <Textarea
          className={classes.env}
          label={say("newCommand.env")}
          description={say("newCommand.envText")}
          placeholder="NAME=value"
          classNames={{ input: "mono" }}
          autosize
          minRows={2}
          value={draft.env}
          error={faults.has("env") && say("newCommand.badEnv")}
          spellCheck={false}
          onChange={(event) => change({ env: event.currentTarget.value })}
        />
      </div>
    </details>
  );
}
