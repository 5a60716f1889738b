import { Button, CloseButton, Select } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { agentQuery } from "../../api/queries.ts";
import { useSpeech } from "../../i18n/language.tsx";
import { RECORD_CATEGORIES, type RecordFilter } from "../../logic/record-filter.ts";
import type { TimeRange } from "../../logic/time-range.ts";
import { AgentPicker } from "../../parts/agent-picker.tsx";
import { TimePicker } from "../../parts/time-picker.tsx";
import { SearchInput } from "../agents/filter-bar.tsx";
import classes from "./logs.module.css";

/** What narrows the list; all of it is in the URL. */
export function LogFilterBar(props: {
  filter: RecordFilter;
  change: (part: Partial<RecordFilter>) => void;
  range: TimeRange;
  setRange: (range: TimeRange) => void;
}) {
  const { filter, change, range, setRange } = props;
  const { say } = useSpeech();
  return (
    <div className={classes.bar}>
      <div className={classes.text}>
        <SearchInput value={filter.text} onChange={(text) => change({ text })} placeholder={say("logs.search")} />
      </div>
      <Select
        className={classes.category ?? ""}
        aria-label={say("logs.category")}
        value={filter.category ?? "all"}
        onChange={(value) => change({ category: value === null || value === "all" ? undefined : value })}
        data={[
          { value: "all", label: say("logs.allCategories") },
          ...RECORD_CATEGORIES.map((value) => ({ value, label: say(`category.${value}`) })),
        ]}
        allowDeselect={false}
      />
      <div className={classes.agent}>
        {filter.agentId === undefined ? (
          <AgentPicker chosen={[]} placeholder={say("logs.anyAgent")} onAdd={(agentId) => change({ agentId })} />
        ) : (
          <ChosenAgent agentId={filter.agentId} clear={() => change({ agentId: undefined })} />
        )}
      </div>
      <div className={classes.small}>
        <SearchInput value={filter.source} onChange={(source) => change({ source })} placeholder={say("logs.source")} />
      </div>
      <div className={classes.small}>
        <SearchInput value={filter.status} onChange={(status) => change({ status })} placeholder={say("logs.status")} />
      </div>
      <TimePicker range={range} onChange={setRange} />
    </div>
  );
}

function ChosenAgent({ agentId, clear }: { agentId: string; clear: () => void }) {
  const { say } = useSpeech();
  const { data } = useQuery(agentQuery(agentId));
  return (
    <Button
      variant="light"
      fullWidth
      justify="space-between"
      onClick={clear}
      aria-label={`${say("table.clear")} ${data?.name ?? agentId}`}
      rightSection={<CloseButton component="span" size="sm" aria-hidden="true" />}
    >
      <span className="cut foreign">{data?.name ?? agentId}</span>
    </Button>
  );
}
