import { Button } from "@mantine/core";
import type { AgentConfig } from "@muster/core/resources";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useMemo } from "react";
import { client } from "../api/client.ts";
import { refreshConfigs } from "../api/config-queries.ts";
import { useMay } from "../app/session.tsx";
import { useSpeech } from "../i18n/language.tsx";
import { Age } from "./age.tsx";
import classes from "./agent-config-columns.module.css";
import { ConfigState } from "./config-state.tsx";
import type { Column } from "./data-table.tsx";
import { Mark } from "./mark.tsx";

/** What a row says about one agent and one config; `first` is whichever of the two the page is not about. */
export function useAgentConfigColumns(first: {
  title: string;
  cell: (row: AgentConfig) => ReactNode;
  groupOf: (id: string) => string;
}): Column<AgentConfig>[] {
  const { say } = useSpeech();
  const operator = useMay("operator");
  const columns: Column<AgentConfig>[] = [
    {
      id: "status",
      title: say("inputs.status"),
      width: "112px",
      cell: (row) => <ConfigState state={row} />,
    },
    {
      id: "name",
      title: first.title,
      width: "minmax(120px, 2fr)",
      cell: (row) => (
        <span className={classes.cell}>
          {first.cell(row)}
          <Trouble row={row} />
        </span>
      ),
    },
    {
      id: "wanted",
      title: say("configs.wanted"),
      width: "72px",
      align: "end",
      cell: ({ wanted }) => <span className="figures">{wanted ?? "–"}</span>,
    },
    {
      id: "applied",
      title: say("configs.runs"),
      width: "64px",
      align: "end",
      hideBelow: 420,
      cell: ({ applied }) => <span className="figures">{applied ?? "–"}</span>,
    },
    {
      id: "group",
      title: say("configs.decidedBy"),
      width: "minmax(90px, 180px)",
      hideBelow: 900,
      cell: ({ groupId }) => <span className="cut foreign dim">{groupId === null ? "–" : first.groupOf(groupId)}</span>,
    },
    {
      id: "since",
      title: say("configs.since"),
      width: "92px",
      hideBelow: 620,
      cell: ({ since }) => <Age at={since} />,
    },
  ];
  if (!operator) return columns;
  const retry: Column<AgentConfig> = {
    id: "retry",
    title: "",
    width: "96px",
    hideBelow: 520,
    cell: (row) => row.status === "failed" && <Retry row={row} />,
  };
  return [...columns, retry];
}

function Trouble({ row }: { row: AgentConfig }) {
  const { say } = useSpeech();
  return (
    <>
      {row.drifted && (
        <span className={classes.drifted}>
          <Mark tone="attention" shape="triangle" />
          {say("configs.drifted")}
        </span>
      )}
      {row.error !== null && (
        <span className={`${classes.error} cut foreign`} title={row.error}>
          {row.error}
        </span>
      )}
    </>
  );
}

function Retry({ row }: { row: AgentConfig }) {
  const { say } = useSpeech();
  const queries = useQueryClient();
  const retry = useMutation({
    mutationFn: () => client.configs.retry(row.agentId, row.configId),
    onSettled: () => void refreshConfigs(queries),
  });
  const error = useMemo(() => (retry.error instanceof Error ? retry.error.message : undefined), [retry.error]);
  return (
    <Button
      size="compact-xs"
      variant="default"
      loading={retry.isPending}
      title={error ?? say("configs.retryTip")}
      {...(error !== undefined && { c: "var(--m-wrong)" })}
      onClick={(event) => {
        event.stopPropagation();
        retry.mutate();
      }}
    >
      {say("error.retry")}
    </Button>
  );
}
