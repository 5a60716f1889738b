import { Button, SegmentedControl } from "@mantine/core";
import type { Command, CommandStatus, Page as ListPage } from "@muster/core/resources";
import { IconTerminal2 } from "@tabler/icons-react";
import { type InfiniteData, useInfiniteQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useSearchParams } from "react-router";
import { useLive } from "../../api/live.tsx";
import { commandsQuery } from "../../api/queries.ts";
import { usePlace } from "../../app/place.tsx";
import { useMay } from "../../app/session.tsx";
import { useSpeech } from "../../i18n/language.tsx";
import { DataTable } from "../../parts/data-table.tsx";
import { Empty } from "../../parts/empty.tsx";
import { ErrorNotice } from "../../parts/notice.tsx";
import { Page } from "../../parts/page.tsx";
import bar from "../agents/filter-bar.module.css";
import { SearchInput } from "../agents/filter-bar.tsx";
import { useCommandColumns } from "./command-columns.tsx";

const STATUSES: readonly CommandStatus[] = ["running", "completed", "cancelled", "halted"];

/** Everything that was ever asked of the fleet, newest first. */
export function Screen() {
  const { say } = useSpeech();
  usePlace([{ label: say("frame.commands") }]);
  const operator = useMay("operator");
  const [parameters, setParameters] = useSearchParams();
  const filter = parameters.get("q") ?? "";
  const status = STATUSES.find((known) => known === parameters.get("status"));
  const query = { ...(filter && { filter }), ...(status && { status }) };
  const commands = useInfiniteQuery(commandsQuery(query));
  useLiveCommands(query);
  const columns = useCommandColumns();
  const write = (name: string, value: string) =>
    setParameters(
      (old) => {
        const next = new URLSearchParams(old);
        if (value === "") next.delete(name);
        else next.set(name, value);
        return next;
      },
      { replace: true },
    );
  return (
    <Page
      fill
      title={say("frame.commands")}
      actions={
        operator && (
          <Button component={Link} to="/commands/new" leftSection={<IconTerminal2 size={16} />}>
            {say("newCommand.title")}
          </Button>
        )
      }
    >
      <div className={bar.bar}>
        <SearchInput value={filter} onChange={(text) => write("q", text)} placeholder={say("commands.search")} />
        <SegmentedControl
          className={bar.status}
          size="sm"
          value={status ?? ""}
          onChange={(value) => write("status", value)}
          data={[
            { value: "", label: say("agents.all") },
            ...STATUSES.map((known) => ({ value: known, label: say(`commandStatus.${known}`) })),
          ]}
        />
      </div>
      {commands.error ? (
        <ErrorNotice error={commands.error} retry={() => void commands.refetch()} />
      ) : (
        <DataTable<Command>
          label={say("frame.commands")}
          columns={columns}
          rows={commands.data?.pages.flatMap((page) => page.items)}
          rowKey={(command) => command.id}
          rowLink={(command) => `/commands/${command.id}`}
          rowHeight={44}
          hasMore={commands.hasNextPage}
          loadMore={() => void (commands.isFetchingNextPage || commands.fetchNextPage())}
          empty={<NoCommands filtered={filter !== "" || status !== undefined} />}
        />
      )}
    </Page>
  );
}

type Pages = InfiniteData<ListPage<Command>, string>;

/** New commands appear on top, known ones change in place. */
function useLiveCommands(query: { filter?: string; status?: CommandStatus }): void {
  const queries = useQueryClient();
  useLive({ op: "commands" }, (event) => {
    if (event.event !== "command") return;
    const { command } = event;
    const key = commandsQuery(query).queryKey;
    queries.setQueryData<Pages>(key, (old) => {
      if (!old) return old;
      let known = false;
      const pages = old.pages.map((page) => ({
        ...page,
        items: page.items.map((member) => {
          if (member.id !== command.id) return member;
          known = true;
          return command;
        }),
      }));
      const [first, ...others] = pages;
      const unfiltered = query.filter === undefined && (query.status === undefined || query.status === command.status);
      const newest = !first?.items[0] || first.items[0].id < command.id;
      if (known || !unfiltered || !first || !newest) return { ...old, pages };
      return { ...old, pages: [{ ...first, items: [command, ...first.items] }, ...others] };
    });
  });
}

function NoCommands({ filtered }: { filtered: boolean }) {
  const { say } = useSpeech();
  const operator = useMay("operator");
  if (filtered) return <Empty title={say("commands.noneMatch")} />;
  return (
    <Empty title={say("commands.none")} text={say("commands.noneText")}>
      <code className="mono">muster exec --label role=web -- uptime</code>
      {operator && (
        <Button component={Link} to="/commands/new">
          {say("newCommand.title")}
        </Button>
      )}
    </Empty>
  );
}
