import { Button, MultiSelect, SegmentedControl } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { groupsQuery } from "../../api/queries.ts";
import { useSpeech } from "../../i18n/language.tsx";
import type { CommandDraft, TargetMode } from "../../logic/command-draft.ts";
import { AgentPicker } from "../../parts/agent-picker.tsx";
import { Notice } from "../../parts/notice.tsx";
import { SelectorInput } from "../../parts/selector-input.tsx";
import classes from "./new-command.module.css";

const MODES: readonly TargetMode[] = ["picked", "labels", "groups", "all"];

/** One way to say whom; only the chosen one counts. */
export function TargetChooser(props: { draft: CommandDraft; change: (part: Partial<CommandDraft>) => void }) {
  const { draft, change } = props;
  const { say } = useSpeech();
  return (
    <div className={classes.chooser}>
      <SegmentedControl
        className={classes.modes}
        value={draft.mode}
        onChange={(value) => change({ mode: MODES.find((mode) => mode === value) ?? "picked" })}
        data={MODES.map((mode) => ({ value: mode, label: say(`newCommand.mode.${mode}`) }))}
      />
      {draft.mode === "picked" && (
        <div className={classes.picked}>
          <AgentPicker chosen={draft.ids} onAdd={(id) => change({ ids: [...draft.ids, id] })} />
          {draft.ids.length > 0 && (
            <Button variant="subtle" color="gray" size="compact-sm" onClick={() => change({ ids: [] })}>
              {say("newCommand.clearPicked", { count: draft.ids.length })}
            </Button>
          )}
        </div>
      )}
      {draft.mode === "labels" && (
        <SelectorInput value={draft.selector} onChange={(selector) => change({ selector })} />
      )}
      {draft.mode === "groups" && <GroupPicker chosen={draft.groups} onChange={(groups) => change({ groups })} />}
      {draft.mode === "all" && <Notice tone="attention" title={say("newCommand.everyone")} />}
    </div>
  );
}

function GroupPicker({ chosen, onChange }: { chosen: readonly string[]; onChange: (groups: string[]) => void }) {
  const { say } = useSpeech();
  const { data: groups = [] } = useQuery(groupsQuery);
  return (
    <MultiSelect
      aria-label={say("frame.groups")}
      placeholder={chosen.length === 0 ? say("newCommand.pickGroups") : ""}
      data={groups.map((group) => ({ value: group.id, label: group.name }))}
      value={[...chosen]}
      onChange={onChange}
      searchable
      nothingFoundMessage={say("groups.none")}
    />
  );
}
