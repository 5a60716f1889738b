import type { InputBulkOutcome, InputWrite, Targets } from "@muster/core/resources";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { client } from "../../api/client.ts";
import { inputSampleQuery } from "../../api/input-queries.ts";
import { useSpeech } from "../../i18n/language.tsx";
import { Confirm } from "../../parts/confirm.tsx";
import { Empty } from "../../parts/empty.tsx";
import { InputEditor } from "../../parts/input-editor.tsx";
import { ErrorNotice } from "../../parts/notice.tsx";
import { useUnsavedGuard } from "../../parts/unsaved-guard.tsx";
import type { InputTargets, Speaker } from "./use-targets.ts";

/** Above so many hosts the count must be typed. */
const TYPE_ABOVE = 10;

interface WriteProps {
  input: Pick<InputWrite, "input" | "inputType">;
  targets: InputTargets;
  asked: Targets;
  /** Undefined before anything was changed in the sample. */
  text: string | undefined;
  onText: (text: string) => void;
  onDone: (toml: string, items: readonly InputBulkOutcome[]) => void;
}

/** The text that all of them get. It starts from the sample of one of them, and can be tried there. */
export function WriteForMany(props: WriteProps) {
  const { speaker, preview } = props.targets;
  const { say } = useSpeech();
  if (preview?.total === 0 && props.text === undefined) {
    return <Empty title={say("inputs.configOf", { input: props.input.input })} text={say("bulk.noAgent")} />;
  }
  if (speaker === null) return <Empty title={say("inputs.choose")} text={say("bulk.noOffer")} />;
  return speaker ? <Sampled {...props} speaker={speaker} /> : null;
}

function Sampled(props: WriteProps & { speaker: Speaker }) {
  const { speaker, input, text } = props;
  const sample = useQuery({ ...inputSampleQuery(speaker.id, input.input), enabled: text === undefined });
  if (sample.error) return <ErrorNotice error={sample.error} retry={() => void sample.refetch()} />;
  const shown = text ?? sample.data;
  return shown === undefined ? null : <Editing {...props} text={shown} isTouched={text !== undefined} />;
}

function Editing(props: WriteProps & { speaker: Speaker; text: string; isTouched: boolean }) {
  const { input, targets, asked, text, onText, onDone, speaker, isTouched } = props;
  const { say } = useSpeech();
  const queries = useQueryClient();
  const [asking, setAsking] = useState(false);
  const { guard } = useUnsavedGuard(isTouched);
  const count = targets.preview?.total ?? 0;
  const save = useMutation({
    mutationFn: (toml: string) => client.inputs.addToMany({ ...input, toml, targets: asked }),
    onSettled: () => setAsking(false),
    onSuccess: ({ items }, toml) => {
      void queries.invalidateQueries({ queryKey: ["inputs"] });
      onDone(toml, items);
    },
  });
  const action = say("bulk.add", { count });
  return (
    <>
      <InputEditor
        input={input}
        text={text}
        onText={onText}
        agent={speaker}
        namesTest
        save={{
          label: action,
          enabled: count > 0 && text.trim() !== "",
          busy: save.isPending,
          waiting: say("bulk.adding", { count }),
          error: save.error,
          run: () => setAsking(true),
        }}
      />
      {asking && (
        <Confirm
          title={say("bulk.addTitle", { input: input.input, count })}
          action={action}
          type={count > TYPE_ABOVE ? { what: String(count), label: say("confirm.typeCount", { count }) } : undefined}
          busy={save.isPending}
          onConfirm={() => save.mutate(text)}
          onClose={() => setAsking(false)}
        >
          {say("bulk.addText")}
        </Confirm>
      )}
      {guard}
    </>
  );
}
