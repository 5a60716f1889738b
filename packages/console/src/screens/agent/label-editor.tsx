import { ActionIcon, Button, Group, TextInput } from "@mantine/core";
import { isLabelKey, LABEL_LIMITS } from "@muster/core";
import type { Agent } from "@muster/core/resources";
import { IconPlus, IconTrash } from "@tabler/icons-react";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { client } from "../../api/client.ts";
import { agentQuery, labelsQuery } from "../../api/queries.ts";
import { useMay } from "../../app/session.tsx";
import { useSpeech } from "../../i18n/language.tsx";
import { LabelChips } from "../../parts/labels.tsx";
import { ErrorNotice } from "../../parts/notice.tsx";
import { Section } from "../../parts/page.tsx";
import classes from "./about-tab.module.css";

interface Pair {
  readonly number: number;
  readonly key: string;
  readonly value: string;
}

const toPairs = (labels: Agent["labels"]): Pair[] =>
  Object.entries(labels).map(([key, value], number) => ({ number, key, value }));

/** The labels of an agent; operators may change them. Nothing is written until it is saved. */
export function LabelEditor({ agent }: { agent: Agent }) {
  const { say } = useSpeech();
  const queries = useQueryClient();
  const operator = useMay("operator");
  const [pairs, setPairs] = useState<readonly Pair[]>();
  const save = useMutation({
    mutationFn: (labels: Record<string, string>) => client.agents.update(agent.id, { labels }),
    onSuccess: (updated) => {
      queries.setQueryData(agentQuery(agent.id).queryKey, updated);
      void queries.invalidateQueries({ queryKey: labelsQuery.queryKey });
      void queries.invalidateQueries({ queryKey: ["agents"] });
      setPairs(undefined);
    },
  });
  if (!pairs) {
    return (
      <Section
        title={say("agents.labels")}
        aside={
          operator && (
            <Button size="compact-sm" variant="subtle" onClick={() => setPairs(toPairs(agent.labels))}>
              {say("labels.edit")}
            </Button>
          )
        }
      >
        {Object.keys(agent.labels).length === 0 ? (
          <span className="dim">{say("labels.none")}</span>
        ) : (
          <LabelChips labels={agent.labels} />
        )}
      </Section>
    );
  }
  const change = (number: number, part: Partial<Pair>) =>
    setPairs(pairs.map((pair) => (pair.number === number ? { ...pair, ...part } : pair)));
  const used = pairs.filter((pair) => pair.key !== "" || pair.value !== "");
  const valid =
    used.every((pair) => isLabelKey(pair.key)) && new Set(used.map((pair) => pair.key)).size === used.length;
  return (
    <Section title={say("agents.labels")}>
      <form
        className={classes.labels}
        onSubmit={(event) => {
          event.preventDefault();
          if (valid) save.mutate(Object.fromEntries(used.map((pair) => [pair.key, pair.value])));
        }}
      >
        {pairs.map((pair) => (
          <div key={pair.number} className={classes.pair}>
            <TextInput
              aria-label={say("labels.key")}
              placeholder={say("labels.key")}
              value={pair.key}
              maxLength={LABEL_LIMITS.keyLength}
              error={pair.key !== "" && !isLabelKey(pair.key) ? say("labels.badKey") : undefined}
              onChange={(event) => change(pair.number, { key: event.currentTarget.value.trim() })}
            />
            <TextInput
              aria-label={say("labels.value")}
              placeholder={say("labels.value")}
              value={pair.value}
              maxLength={LABEL_LIMITS.valueLength}
              onChange={(event) => change(pair.number, { value: event.currentTarget.value })}
            />
            <ActionIcon
              aria-label={say("labels.remove")}
              onClick={() => setPairs(pairs.filter((other) => other.number !== pair.number))}
            >
              <IconTrash size={16} />
            </ActionIcon>
          </div>
        ))}
        {save.error && <ErrorNotice error={save.error} />}
        <Group gap="sm">
          <Button
            variant="default"
            leftSection={<IconPlus size={16} />}
            onClick={() =>
              setPairs([...pairs, { number: Math.max(-1, ...pairs.map((p) => p.number)) + 1, key: "", value: "" }])
            }
          >
            {say("labels.add")}
          </Button>
          <Button type="submit" disabled={!valid} loading={save.isPending}>
            {say("labels.save")}
          </Button>
          <Button variant="subtle" color="gray" onClick={() => setPairs(undefined)}>
            {say("confirm.keep")}
          </Button>
        </Group>
      </form>
    </Section>
  );
}
