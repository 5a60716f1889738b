import { Button, Textarea } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { newMessageId } from "@muster/core";
import type { CommandRequest } from "@muster/core/resources";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useNavigate } from "react-router";
import { client } from "../../api/client.ts";
import { commandQuery } from "../../api/queries.ts";
import { useSpeech } from "../../i18n/language.tsx";
import { type CommandDraft, type DraftField, readDraft, toTargets } from "../../logic/command-draft.ts";
import { Confirm } from "../../parts/confirm.tsx";
import { ErrorNotice } from "../../parts/notice.tsx";
import { Section } from "../../parts/page.tsx";
import { CommandLimits } from "./command-limits.tsx";
import classes from "./new-command.module.css";
import { TargetChooser } from "./target-chooser.tsx";
import { TargetList } from "./target-list.tsx";

/** Above so many hosts the count must be typed. */
const TYPE_ABOVE = 10;

export function CommandForm({ initial }: { initial: CommandDraft }) {
  const { say } = useSpeech();
  const [draft, setDraft] = useState(initial);
  const [tried, setTried] = useState(false);
  const [asking, setAsking] = useState(false);
  const change = (part: Partial<CommandDraft>) => setDraft((old) => ({ ...old, ...part }));
  const preview = usePreview(draft);
  const run = useRun();
  const read = readDraft(draft);
  const faults: ReadonlySet<DraftField> = tried && "faults" in read ? read.faults : new Set();
  const total = preview.data?.total ?? 0;

  const submit = () => {
    setTried(true);
    if (!("request" in read) || !preview.data || total === 0 || preview.isPlaceholderData) return;
    if (total > TYPE_ABOVE || draft.mode === "all") setAsking(true);
    else run.mutate(read.request);
  };

  return (
    <form
      className={classes.form}
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
    >
      <div className={classes.what}>
        <Section title={say("newCommand.text")}>
          <Textarea
            aria-label={say("newCommand.text")}
            classNames={{ input: classes.editor }}
            autosize
            minRows={4}
            maxRows={20}
            value={draft.text}
            placeholder={say("newCommand.textPlaceholder")}
            error={faults.has("text") && say("newCommand.textMissing")}
            spellCheck={false}
            autoFocus
            data-gramm="false"
            onChange={(event) => change({ text: event.currentTarget.value })}
            onKeyDown={(event) => {
              if (event.key === "Enter" && (event.metaKey || event.ctrlKey)) submit();
            }}
          />
        </Section>
        <Section title={say("newCommand.targets")}>
          <TargetChooser draft={draft} change={change} />
        </Section>
        <CommandLimits draft={draft} change={change} faults={faults} />
      </div>
      <aside className={classes.whom}>
        <TargetList draft={draft} preview={preview.data} busy={preview.isFetching} error={preview.error} />
        {run.error && !asking && <ErrorNotice error={run.error} />}
        <Button type="submit" size="md" disabled={total === 0} loading={run.isPending} fullWidth>
          {total === 0 ? say("newCommand.runNobody") : say("newCommand.run", { count: total })}
        </Button>
      </aside>
      {asking && "request" in read && (
        <Confirm
          title={
            draft.mode === "all"
              ? say("newCommand.confirmAll", { count: total })
              : say("newCommand.confirm", { count: total })
          }
          action={say("newCommand.run", { count: total })}
          type={
            total > TYPE_ABOVE
              ? { what: String(total), label: say("confirm.typeCount", { count: String(total) }) }
              : undefined
          }
          error={run.error}
          busy={run.isPending}
          onConfirm={() => run.mutate(read.request)}
          onClose={() => setAsking(false)}
        >
          <pre className={classes.confirmText}>{draft.text.slice(0, 2000)}</pre>
        </Confirm>
      )}
    </form>
  );
}

/** Who would be hit by the draft as it is. */
function usePreview(draft: CommandDraft) {
  const targets = JSON.stringify(toTargets(draft));
  const [asked] = useDebouncedValue(targets, 200);
  const query = useQuery({
    queryKey: ["preview", asked],
    queryFn: () => client.commands.preview(JSON.parse(asked)),
    staleTime: 5000,
    placeholderData: (old) => old,
  });
  // until the answer belongs to what is written now, nothing can be run on it
  return { ...query, isPlaceholderData: query.isPlaceholderData || asked !== targets };
}

/** Starts the command once, however often the answer is lost: the key stays until it has been answered. */
function useRun() {
  const navigate = useNavigate();
  const queries = useQueryClient();
  const [key] = useState(() => newMessageId());
  return useMutation({
    mutationFn: (request: CommandRequest) => client.commands.create(request, key),
    onSuccess: (command) => {
      queries.setQueryData(commandQuery(command.id).queryKey, command);
      void queries.invalidateQueries({ queryKey: ["commands"] });
      void navigate(`/commands/${command.id}`);
    },
  });
}
