import { TextInput } from "@mantine/core";
import type { Agent, Input, InputWithText } from "@muster/core/resources";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { client } from "../../api/client.ts";
import { inputQuery, refreshInputs } from "../../api/input-queries.ts";
import { useSpeech } from "../../i18n/language.tsx";
import { follow, isChanged, isOvertaken, keepMine, startDraft } from "../../logic/input-draft.ts";
import { isOutdated, readFault } from "../../logic/input-fault.ts";
import { nameOf } from "../../logic/input-list.ts";
import { Code } from "../../parts/code/code.tsx";
import editor from "../../parts/input-editor.module.css";
import { InputEditor } from "../../parts/input-editor.tsx";
import { ErrorNotice } from "../../parts/notice.tsx";
import { Overtaken } from "../../parts/overtaken.tsx";
import { useUnsavedGuard } from "../../parts/unsaved-guard.tsx";

/** The text of an input: to change where it is ours, to read where it is the host's. */
export function EditTab(props: { agent: Agent; input: Input; onSaved: (revision: number | undefined) => void }) {
  const { agent, input, onSaved } = props;
  const { say } = useSpeech();
  const { data, error, refetch } = useQuery(inputQuery(agent.id, input.id));
  if (error && !data) return <ErrorNotice error={error} retry={() => void refetch()} />;
  if (!data) return null;
  if (!input.managed) return <Code label={say("inputs.configOf", { input: nameOf(input) })} value={data.toml} />;
  return <Editing agent={agent} newest={data} onSaved={onSaved} />;
}

function Editing(props: { agent: Agent; newest: InputWithText; onSaved: (revision: number | undefined) => void }) {
  const { agent, newest, onSaved } = props;
  const { say } = useSpeech();
  const queries = useQueryClient();
  const [kept, setDraft] = useState(() => startDraft(newest));
  const [why, setWhy] = useState("");
  const draft = follow(kept, newest);
  if (draft !== kept) setDraft(draft);
  const changed = isChanged(draft);
  const overtaken = isOvertaken(draft, newest);
  const { guard } = useUnsavedGuard(changed);
  const name = nameOf(newest);
  const input = { input: name, inputType: newest.inputType };
  const save = useMutation({
    mutationFn: (toml: string) =>
      client.inputs.change(agent.id, newest.id, {
        toml,
        ...(why.trim() !== "" && { message: why.trim() }),
        ...(draft.base.revision !== null && { baseRevision: draft.base.revision }),
      }),
    onMutate: () => onSaved(undefined),
    onSuccess: (saved, toml) => {
      queries.setQueryData(inputQuery(agent.id, newest.id).queryKey, { ...saved, toml });
      setWhy("");
      onSaved(saved.revision ?? undefined);
    },
    onSettled: () => void refreshInputs(queries, agent.id),
  });
  // that somebody was faster is told by the notice, with what to do about it
  const error = save.error && overtaken && isOutdated(readFault(save.error)) ? null : save.error;
  return (
    <>
      {overtaken && (
        <Overtaken
          newest={{ ...newest, by: newest.updatedBy }}
          base={draft.base}
          takeTheirs={() => {
            save.reset();
            setDraft(startDraft(newest));
          }}
          keepMine={() => {
            save.reset();
            setDraft(keepMine(draft, newest));
          }}
        />
      )}
      <InputEditor
        input={input}
        text={draft.text}
        onText={(text) => setDraft((old) => ({ ...old, text }))}
        agent={agent}
        save={{
          label: say("inputs.save"),
          enabled: (changed || newest.drifted) && !overtaken && draft.text.trim() !== "",
          busy: save.isPending,
          waiting: say("inputs.saving", { name: agent.name, input: name }),
          error,
          run: () => save.mutate(draft.text),
        }}
      >
        <TextInput
          className={editor.why ?? ""}
          value={why}
          maxLength={500}
          placeholder={say("inputs.why")}
          aria-label={say("inputs.why")}
          onChange={(event) => setWhy(event.currentTarget.value)}
        />
      </InputEditor>
      {guard}
    </>
  );
}
