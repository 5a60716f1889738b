import { CloseButton, SegmentedControl, Select, TextInput } from "@mantine/core";
import { useDebouncedCallback } from "@mantine/hooks";
import type { AgentCounts, AgentStatus } from "@muster/core/resources";
import { IconSearch } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { groupsQuery } from "../../api/queries.ts";
import { useSpeech } from "../../i18n/language.tsx";
import type { AgentFilter } from "../../logic/agent-filter.ts";
import { SelectorInput } from "../../parts/selector-input.tsx";
import classes from "./filter-bar.module.css";

const STATUSES: readonly AgentStatus[] = ["online", "stale", "offline"];

/** What narrows the list; all of it is in the URL. */
export function FilterBar(props: {
  filter: AgentFilter;
  change: (part: Partial<AgentFilter>) => void;
  counts: AgentCounts | undefined;
}) {
  const { filter, change, counts } = props;
  const { say, format } = useSpeech();
  const { data: groups = [] } = useQuery(groupsQuery);
  const withCount = (word: string, count: number | undefined) =>
    count === undefined ? word : `${word} ${format.number(count)}`;
  return (
    <div className={classes.bar}>
      <SearchInput value={filter.filter} onChange={(text) => change({ filter: text })} />
      <div className={classes.selector}>
        <SelectorInput value={filter.selector} onChange={(selector) => change({ selector })} />
      </div>
      <SegmentedControl
        className={classes.status}
        size="sm"
        value={filter.status ?? "all"}
        onChange={(value) => change({ status: STATUSES.find((status) => status === value) })}
        data={[
          { value: "all", label: withCount(say("agents.all"), counts?.total) },
          ...STATUSES.map((status) => ({
            value: status,
            label: withCount(say(`status.${status}`), counts?.[status]),
          })),
        ]}
      />
      {(groups.length > 0 || filter.group) && (
        <Select
          className={classes.group}
          size="sm"
          placeholder={say("agents.anyGroup")}
          aria-label={say("frame.groups")}
          value={filter.group ?? null}
          onChange={(group) => change({ group: group ?? undefined })}
          data={groups.map((group) => ({ value: group.id, label: group.name }))}
          clearable
          searchable
        />
      )}
    </div>
  );
}

/** The box that `/` jumps to. Writes to the URL a moment after the last letter. */
export function SearchInput(props: { value: string; onChange: (text: string) => void; placeholder?: string }) {
  const { say } = useSpeech();
  const [text, setText] = useState(props.value);
  const written = useRef(props.value);
  const write = useDebouncedCallback((next: string) => {
    written.current = next;
    props.onChange(next);
  }, 200);
  useEffect(() => {
    // the URL changed by another way, such as the back button
    if (props.value !== written.current) {
      written.current = props.value;
      setText(props.value);
    }
  }, [props.value]);
  const set = (next: string) => {
    setText(next);
    write(next);
  };
  const placeholder = props.placeholder ?? say("agents.search");
  return (
    <TextInput
      className={classes.search}
      data-search
      type="text"
      value={text}
      maxLength={200}
      placeholder={placeholder}
      aria-label={placeholder}
      leftSection={<IconSearch size={15} stroke={1.8} />}
      rightSection={
        text === "" ? null : <CloseButton size="sm" aria-label={say("table.clear")} onClick={() => set("")} />
      }
      onChange={(event) => set(event.currentTarget.value)}
      onKeyDown={(event) => {
        if (event.key === "Escape") event.currentTarget.blur();
        if (event.key === "ArrowDown") document.querySelector<HTMLElement>('[role="grid"]')?.focus();
      }}
    />
  );
}
