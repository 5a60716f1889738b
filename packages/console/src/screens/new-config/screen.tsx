import { Select, TextInput } from "@mantine/core";
import type { ConfigFormat, ConfigKind } from "@muster/core/resources";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useNavigate, useSearchParams } from "react-router";
import { client } from "../../api/client.ts";
import { useServerClock } from "../../api/clock.tsx";
import { configKindsQuery, refreshConfigs } from "../../api/config-queries.ts";
import { usePlace } from "../../app/place.tsx";
import { useMay } from "../../app/session.tsx";
import { useSpeech } from "../../i18n/language.tsx";
import { sampleConfig } from "../../logic/config-samples.ts";
import { ConfigEditor } from "../../parts/config-editor.tsx";
import { useKindWords } from "../../parts/config-words.ts";
import { ErrorNotice, Notice } from "../../parts/notice.tsx";
import { Page } from "../../parts/page.tsx";
import { useUnsavedGuard } from "../../parts/unsaved-guard.tsx";
import classes from "./new-config.module.css";

const HOUR_MS = 3_600_000;
/** In hours. */
const LIFETIMES = [1, 6, 24, 72, 168] as const;

/** A new document. It reaches nobody until it is given to a group. */
export function Screen() {
  const { say } = useSpeech();
  const operator = useMay("operator");
  const kinds = useQuery(configKindsQuery);
  const [parameters] = useSearchParams();
  usePlace([{ label: say("frame.configs"), to: "/configs" }, { label: say("configs.create") }]);
  if (!operator) {
    return (
      <Page title={say("configs.create")} prose>
        <Notice tone="attention" title={say("configs.notAllowed")} />
      </Page>
    );
  }
  if (kinds.error) {
    return (
      <Page title={say("configs.create")} prose>
        <ErrorNotice error={kinds.error} retry={() => void kinds.refetch()} />
      </Page>
    );
  }
  if (!kinds.data) return <Page title={"\u00a0"}>{null}</Page>;
  const wanted = kinds.data.find(({ id }) => id === parameters.get("kind")) ?? kinds.data[0];
  return (
    <Page fill title={say("configs.create")} facts={say("configs.createText")}>
      {wanted && <NewConfig kinds={kinds.data} first={wanted} />}
    </Page>
  );
}

function NewConfig({ kinds, first }: { kinds: readonly ConfigKind[]; first: ConfigKind }) {
  const { say, format: words } = useSpeech();
  const navigate = useNavigate();
  const queries = useQueryClient();
  const kindWords = useKindWords();
  const [kind, setKind] = useState(first);
  const [format, setFormat] = useState<ConfigFormat>(first.formats[0] ?? "text");
  const [name, setName] = useState("");
  const [description, setDescription] = useState("");
  const [agentType, setAgentType] = useState("");
  const [hours, setHours] = useState("24");
  const clock = useServerClock();
  const [written, setWritten] = useState<string>();
  const text = written ?? sampleConfig(kind.id, format);
  const { guard, letGo } = useUnsavedGuard(written !== undefined);
  const save = useMutation({
    mutationFn: () =>
      client.configs.create({
        ...{ name: name.trim(), kind: kind.id, format, description, text, agentType: agentType.trim() },
        ...(kind.id === "onetime" && { expiresAt: new Date(clock() + Number(hours) * HOUR_MS).toISOString() }),
      }),
    onSuccess: (config) => {
      letGo();
      void refreshConfigs(queries);
      void navigate(`/configs/${encodeURIComponent(config.id)}`, { replace: true, state: { saved: config.revision } });
    },
  });
  return (
    <>
      <div className={classes.fields}>
        <TextInput
          data-autofocus
          label={say("configs.name")}
          value={name}
          maxLength={200}
          onChange={(event) => setName(event.currentTarget.value)}
          error={kind.fileNames && isBadFileName(name) && say("configs.fileNameRule")}
        />
        <Select
          label={say("configs.kind")}
          value={kind.id}
          allowDeselect={false}
          data={kinds.map(({ id }) => ({ value: id, label: kindWords(id) }))}
          onChange={(value) => {
            const next = kinds.find(({ id }) => id === value) ?? kind;
            setKind(next);
            if (!next.formats.includes(format)) setFormat(next.formats[0] ?? "text");
          }}
        />
        <Select
          label={say("configs.format")}
          value={format}
          allowDeselect={false}
          data={kind.formats.map((each) => ({ value: each, label: each.toUpperCase() }))}
          onChange={(value) => setFormat(kind.formats.find((each) => each === value) ?? format)}
        />
        <TextInput
          label={say("groups.description")}
          value={description}
          maxLength={1000}
          onChange={(event) => setDescription(event.currentTarget.value)}
        />
        <TextInput
          label={say("configs.agentType")}
          placeholder={say("configs.agentTypeText")}
          value={agentType}
          maxLength={100}
          onChange={(event) => setAgentType(event.currentTarget.value)}
        />
        {kind.id === "onetime" && (
          <Select
            label={say("configs.expiresIn")}
            value={hours}
            allowDeselect={false}
            data={LIFETIMES.map((each) => ({ value: String(each), label: words.duration(each * HOUR_MS) }))}
            onChange={(value) => setHours(value ?? "24")}
          />
        )}
      </div>
      <ConfigEditor
        name={name || kindWords(kind.id)}
        format={format}
        text={text}
        onText={setWritten}
        save={{
          label: say("configs.save"),
          enabled: name.trim() !== "" && text.trim() !== "" && !(kind.fileNames && isBadFileName(name)),
          busy: save.isPending,
          error: save.error,
          run: () => save.mutate(),
        }}
      />
      {guard}
    </>
  );
}

/** What cannot be the name of a file on every host. */
function isBadFileName(name: string): boolean {
  return name.includes("..") || name === "." || /[/\\@\p{Cc}]/u.test(name);
}
