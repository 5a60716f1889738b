import { Button, MultiSelect, SegmentedControl, Select } from "@mantine/core";
import type { Config, ConfigRevision, Group, RolloutWrite } from "@muster/core/resources";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useNavigate, useSearchParams } from "react-router";
import { client } from "../../api/client.ts";
import { configPlanQuery, refreshConfigs } from "../../api/config-queries.ts";
import { useSpeech } from "../../i18n/language.tsx";
import { FIRST_GIVE, type GiveDraft, readGive } from "../../logic/give-draft.ts";
import { Confirm } from "../../parts/confirm.tsx";
import { Notice } from "../../parts/notice.tsx";
import classes from "./give-config.module.css";
import { GiveLimits } from "./give-limits.tsx";
import { PlanView } from "./plan-view.tsx";

/** Above so many agents the count must be typed. */
const TYPE_ABOVE = 10;

export function GiveForm(props: { config: Config; revisions: readonly ConfigRevision[]; groups: readonly Group[] }) {
  const { config, revisions, groups } = props;
  const { say } = useSpeech();
  const { draft, change } = useDraft(config, groups);
  const [asking, setAsking] = useState(false);
  const read = readGive(config.id, draft);
  const faults = "faults" in read ? read.faults : new Set<never>();
  const plan = useQuery(configPlanQuery(config.id, draft.revision, draft.groups));
  const changed = plan.data?.changed ?? 0;
  return (
    <form
      className={classes.form}
      onSubmit={(event) => {
        event.preventDefault();
        if ("rollout" in read && plan.data) setAsking(true);
      }}
    >
      <div className={classes.what}>
        <div className={classes.row}>
          <Select
            label={say("inputs.revision")}
            value={String(draft.revision)}
            allowDeselect={false}
            data={revisions.map(({ revision, message }) => ({
              value: String(revision),
              label: message === "" ? String(revision) : `${revision} · ${message}`,
            }))}
            onChange={(value) => change({ revision: Number(value) })}
          />
          <MultiSelect
            label={say("frame.groups")}
            placeholder={draft.groups.length === 0 ? say("give.pickGroups") : ""}
            data={groups.map(({ id, name, agents }) => ({
              value: id,
              label: `${name} · ${say("agents.count", { count: agents })}`,
            }))}
            value={[...draft.groups]}
            onChange={(chosen) => change({ groups: chosen })}
            searchable
            nothingFoundMessage={say("groups.none")}
          />
        </div>
        {draft.groups.includes("default") && <Notice tone="attention" title={say("give.everyone")} />}
        {config.rolloutId !== null && <Notice tone="attention" title={say("give.supersedes")} />}
        <SegmentedControl
          className={classes.pace ?? ""}
          value={draft.pace}
          onChange={(value) => change({ pace: value === "once" ? "once" : "waves" })}
          data={(["waves", "once"] as const).map((pace) => ({ value: pace, label: say(`give.pace.${pace}`) }))}
        />
        <GiveLimits draft={draft} change={change} faults={faults} agents={changed} />
        <div>
          <Button type="submit" disabled={!("rollout" in read) || !plan.data}>
            {say("give.start", { revision: draft.revision, count: changed })}
          </Button>
        </div>
      </div>
      <PlanView config={config} draft={draft} plan={plan} />
      {asking && "rollout" in read && (
        <Start
          config={config}
          rollout={read.rollout}
          changed={changed}
          groupNames={groups.filter(({ id }) => draft.groups.includes(id)).map(({ name }) => name)}
          close={() => setAsking(false)}
        />
      )}
    </form>
  );
}

/** The draft; which revision and whom is in the address, so that it can be linked. */
function useDraft(config: Config, groups: readonly Group[]) {
  const [parameters, setParameters] = useSearchParams();
  const [limits, setLimits] = useState(FIRST_GIVE);
  const asked = Number(parameters.get("revision"));
  const revision = Number.isInteger(asked) && asked > 0 ? asked : config.revision;
  // who has an older revision is who is meant most often
  const named = parameters.has("group") ? parameters.getAll("group") : config.groups.map(({ id }) => id);
  const known = new Set(groups.map(({ id }) => id));
  const draft: GiveDraft = { ...limits, revision, groups: named.filter((id) => known.has(id)) };
  const change = (part: Partial<GiveDraft>) => {
    const next = { ...draft, ...part };
    const { revision: _, groups: __, ...rest } = next;
    setLimits(rest);
    if (part.revision === undefined && part.groups === undefined) return;
    const address = new URLSearchParams({ revision: String(next.revision) });
    for (const id of next.groups) address.append("group", id);
    // an empty one says that nobody is meant, not that nothing was said
    if (next.groups.length === 0) address.append("group", "");
    setParameters(address, { replace: true });
  };
  return { draft, change };
}

function Start(props: {
  config: Config;
  rollout: RolloutWrite;
  changed: number;
  groupNames: readonly string[];
  close: () => void;
}) {
  const { config, rollout, changed, groupNames, close } = props;
  const { say } = useSpeech();
  const navigate = useNavigate();
  const queries = useQueryClient();
  const start = useMutation({
    mutationFn: () => client.rollouts.start(rollout),
    onSuccess: (started) => {
      void refreshConfigs(queries);
      void navigate(`/rollouts/${encodeURIComponent(started.id)}`);
    },
  });
  const once = rollout.waves?.length === 1;
  const about = { revision: rollout.revision, name: config.name };
  return (
    <Confirm
      title={say("give.confirmTitle", { ...about, count: changed })}
      action={say("give.confirm")}
      type={
        changed > TYPE_ABOVE
          ? { what: String(changed), label: say("confirm.typeCount", { count: String(changed) }) }
          : undefined
      }
      error={start.error}
      busy={start.isPending}
      onConfirm={() => start.mutate()}
      onClose={close}
    >
      <p>{groupNames.join(", ")}</p>
      {say(once ? "give.confirmOnce" : "give.confirmWaves")}
    </Confirm>
  );
}
