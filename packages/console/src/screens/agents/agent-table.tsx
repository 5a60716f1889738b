import { Button, UnstyledButton } from "@mantine/core";
import type { Agent } from "@muster/core/resources";
import { useMemo } from "react";
import { Link } from "react-router";
import { useMay } from "../../app/session.tsx";
import { useSpeech } from "../../i18n/language.tsx";
import { type AgentFilter, type AgentSort, isFiltered, toggleCondition } from "../../logic/agent-filter.ts";
import { NOTHING, type Selection } from "../../logic/selection.ts";
import { DataTable } from "../../parts/data-table.tsx";
import { Empty } from "../../parts/empty.tsx";
import { ErrorNotice } from "../../parts/notice.tsx";
import { agentColumns } from "./agent-columns.tsx";
import { SelectAll } from "./select-all.tsx";
import type { AgentList } from "./use-agent-list.ts";
import { useCpuTrails } from "./use-cpu-trails.ts";

/** The table itself with its line of totals below. */
export function AgentTable(props: {
  list: AgentList;
  filter: AgentFilter;
  change: (part: Partial<AgentFilter>) => void;
  selection?: Selection;
  onSelection?: (selection: Selection) => void;
}) {
  const { list, filter, change, selection, onSelection } = props;
  const { say, format } = useSpeech();
  const { trails, follow } = useCpuTrails(list.rows);
  const { selector } = filter;
  const columns = useMemo(
    () =>
      agentColumns({
        say,
        percent: format.percent,
        trails,
        removed: list.removed,
        pickLabel: (key, value) => change({ selector: toggleCondition(selector, key, value) }),
      }),
    [say, format, trails, list.removed, selector, change],
  );
  if (list.error) return <ErrorNotice error={list.error} retry={list.reload} />;
  return (
    <DataTable<Agent>
      label={say("frame.agents")}
      columns={columns}
      rows={list.rows}
      rowKey={(agent) => agent.id}
      rowLink={(agent) => `/agents/${agent.id}`}
      hasMore={list.hasMore}
      loadMore={list.loadMore}
      sort={filter.sort}
      onSort={(sort) => change({ sort: sort as AgentSort })}
      {...(selection && onSelection && { selection, onSelection })}
      onVisible={(ids) => {
        list.follow(ids);
        follow(ids);
      }}
      empty={<NoAgents filtered={isFiltered(filter)} change={change} />}
      footer={
        <>
          {selection && selection.ids.size > 0 ? (
            <>
              <span className="figures">{say("table.picked", { count: selection.ids.size })}</span>
              {onSelection && <SelectAll list={list} filter={filter} selection={selection} onSelection={onSelection} />}
              <UnstyledButton className="dim" fz="xs" onClick={() => onSelection?.(NOTHING)}>
                {say("table.clear")}
              </UnstyledButton>
            </>
          ) : (
            <span className="figures">
              {list.total === undefined ? "" : say("agents.count", { count: list.total })}
            </span>
          )}
          {list.outdated && (
            <UnstyledButton className="link" fz="xs" c="var(--m-accent)" onClick={list.reload}>
              {say("agents.outdated")}
            </UnstyledButton>
          )}
        </>
      }
    />
  );
}

function NoAgents({ filtered, change }: { filtered: boolean; change: (part: Partial<AgentFilter>) => void }) {
  const { say } = useSpeech();
  const admin = useMay("admin");
  if (filtered) {
    return (
      <Empty title={say("agents.noneMatch")} text={say("agents.noneMatchText")}>
        <Button
          variant="default"
          onClick={() => change({ filter: "", selector: "", status: undefined, group: undefined })}
        >
          {say("agents.showAll")}
        </Button>
      </Empty>
    );
  }
  return (
    <Empty title={say("agents.none")} text={admin ? say("agents.noneText") : say("agents.noneTextViewer")}>
      {admin && (
        <Button component={Link} to="/agents/add">
          {say("addHost.title")}
        </Button>
      )}
    </Empty>
  );
}
