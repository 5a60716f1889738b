import { TextInput } from "@mantine/core";
import type { Config, ConfigRevision } from "@muster/core/resources";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { client } from "../../api/client.ts";
import { configQuery, configRevisionQuery, refreshConfigs } from "../../api/config-queries.ts";
import { useMay } from "../../app/session.tsx";
import { useSpeech } from "../../i18n/language.tsx";
import { follow, isChanged, isOvertaken, keepMine, startDraft } from "../../logic/input-draft.ts";
import { readFault } from "../../logic/input-fault.ts";
import { Code } from "../../parts/code/code.tsx";
import { ConfigEditor } from "../../parts/config-editor.tsx";
import editor from "../../parts/input-editor.module.css";
import { ErrorNotice } from "../../parts/notice.tsx";
import { Overtaken } from "../../parts/overtaken.tsx";
import { useUnsavedGuard } from "../../parts/unsaved-guard.tsx";

/** The newest text: to change for operators, to read for everybody else. */
export function TextTab(props: { config: Config; onSaved: (revision: number | undefined) => void }) {
  const { config, onSaved } = props;
  const { say } = useSpeech();
  const operator = useMay("operator");
  // the last one stays while the next one is fetched, and with it what was written
  const { data, error, refetch } = useQuery({
    ...configRevisionQuery(config.id, config.revision),
    placeholderData: (old) => old,
  });
  if (error && !data) return <ErrorNotice error={error} retry={() => void refetch()} />;
  if (!data) return null;
  if (!operator)
    return <Code label={say("inputs.configOf", { input: config.name })} value={data.text} format={config.format} />;
  return <Editing config={config} newest={data} onSaved={onSaved} />;
}

function Editing(props: { config: Config; newest: ConfigRevision; onSaved: (revision: number | undefined) => void }) {
  const { config, newest, onSaved } = props;
  const { say } = useSpeech();
  const queries = useQueryClient();
  const [kept, setDraft] = useState(() => startDraft({ toml: newest.text, revision: newest.revision }));
  // what was just saved here is newer than what was last asked for
  const isOlder = kept.base.revision !== null && newest.revision < kept.base.revision;
  const stored = isOlder ? kept.base : { toml: newest.text, revision: newest.revision };
  const [why, setWhy] = useState("");
  const draft = follow(kept, stored);
  if (draft !== kept) setDraft(draft);
  const changed = isChanged(draft);
  const overtaken = isOvertaken(draft, stored);
  const { guard } = useUnsavedGuard(changed);
  const save = useMutation({
    mutationFn: (text: string) =>
      client.configs.change(config.id, {
        text,
        ...(why.trim() !== "" && { message: why.trim() }),
        ...(draft.base.revision !== null && { baseRevision: draft.base.revision }),
      }),
    onMutate: () => onSaved(undefined),
    onSuccess: (saved, text) => {
      setDraft((old) => ({ text: old.text, base: { toml: text, revision: saved.revision } }));
      queries.setQueryData(configQuery(config.id).queryKey, saved);
      setWhy("");
      onSaved(saved.revision);
    },
    onSettled: () => void refreshConfigs(queries),
  });
  // that somebody was faster is told by the notice, with what to do about it
  const error = save.error && overtaken && readFault(save.error).code === "conflict" ? null : save.error;
  return (
    <>
      {overtaken && (
        <Overtaken
          newest={{ ...stored, by: newest.createdBy }}
          base={draft.base}
          format={config.format}
          takeTheirs={() => {
            save.reset();
            setDraft(startDraft(stored));
          }}
          keepMine={() => {
            save.reset();
            setDraft(keepMine(draft, stored));
          }}
        />
      )}
      <ConfigEditor
        name={config.name}
        format={config.format}
        text={draft.text}
        onText={(text) => setDraft((old) => ({ ...old, text }))}
        save={{
          label: say("configs.saveRevision"),
          enabled: changed && !overtaken && draft.text.trim() !== "",
          busy: save.isPending,
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
      </ConfigEditor>
      {guard}
    </>
  );
}
