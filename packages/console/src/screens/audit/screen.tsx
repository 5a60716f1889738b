import type { AuditEntry } from "@muster/core/resources";
import { useInfiniteQuery } from "@tanstack/react-query";
import { useSearchParams } from "react-router";
import { auditQuery } from "../../api/queries.ts";
import { usePlace } from "../../app/place.tsx";
import { useSpeech } from "../../i18n/language.tsx";
import { Age } from "../../parts/age.tsx";
import { type Column, DataTable } from "../../parts/data-table.tsx";
import { Empty } from "../../parts/empty.tsx";
import { Mark } from "../../parts/mark.tsx";
import { ErrorNotice } from "../../parts/notice.tsx";
import { Page } from "../../parts/page.tsx";
import bar from "../agents/filter-bar.module.css";
import { SearchInput } from "../agents/filter-bar.tsx";

/** Who did what, newest first. */
export function Screen() {
  const { say } = useSpeech();
  usePlace([{ label: say("frame.audit") }]);
  const [parameters, setParameters] = useSearchParams();
  const actor = parameters.get("actor") ?? "";
  const action = parameters.get("action") ?? "";
  const query = useInfiniteQuery(auditQuery({ ...(actor && { actor }), ...(action && { action }) }));
  const columns = useAuditColumns();
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
    <Page fill title={say("frame.audit")}>
      <div className={bar.bar}>
        <SearchInput value={actor} onChange={(text) => write("actor", text)} placeholder={say("audit.actorFilter")} />
        <SearchInput
          value={action}
          onChange={(text) => write("action", text)}
          placeholder={say("audit.actionFilter")}
        />
      </div>
      {query.error ? (
        <ErrorNotice error={query.error} retry={() => void query.refetch()} />
      ) : (
        <DataTable<AuditEntry>
          label={say("frame.audit")}
          columns={columns}
          rows={query.data?.pages.flatMap((page) => page.items)}
          rowKey={(entry) => entry.id}
          hasMore={query.hasNextPage}
          loadMore={() => void (query.isFetchingNextPage || query.fetchNextPage())}
          empty={<Empty title={say("audit.none")} />}
        />
      )}
    </Page>
  );
}

function useAuditColumns(): Column<AuditEntry>[] {
  const { say } = useSpeech();
  return [
    { id: "at", title: say("audit.when"), width: "92px", cell: (entry) => <Age at={entry.at} /> },
    {
      id: "actor",
      title: say("audit.who"),
      width: "minmax(80px, 160px)",
      cell: (entry) => <span className="cut foreign">{entry.actor}</span>,
    },
    {
      id: "action",
      title: say("audit.what"),
      width: "minmax(120px, 200px)",
      cell: (entry) => <span className="mono cut foreign">{entry.action}</span>,
    },
    {
      id: "outcome",
      title: say("audit.outcome"),
      width: "100px",
      hideBelow: 520,
      cell: (entry) => (
        <span style={{ display: "inline-flex", alignItems: "center", gap: 8 }}>
          <Mark tone={entry.outcome === "ok" ? "ok" : "wrong"} shape={entry.outcome === "ok" ? "tick" : "slash"} />
          {say(`audit.outcome.${entry.outcome}`)}
        </span>
      ),
    },
    {
      id: "target",
      title: say("audit.target"),
      width: "minmax(100px, 1fr)",
      hideBelow: 800,
      cell: (entry) => <span className="cut foreign">{entry.target ?? "–"}</span>,
    },
    {
      id: "details",
      title: say("audit.details"),
      width: "minmax(120px, 2fr)",
      hideBelow: 1000,
      cell: (entry) => <Details details={entry.details} />,
    },
    {
      id: "address",
      title: say("audit.address"),
      width: "130px",
      hideBelow: 1200,
      cell: (entry) => <span className="mono cut foreign dim">{entry.address ?? "–"}</span>,
    },
  ];
}

function Details({ details }: { details: AuditEntry["details"] }) {
  const text = Object.entries(details)
    .map(([name, value]) => `${name}: ${typeof value === "string" ? value : JSON.stringify(value)}`)
    .join(", ");
  return (
    <span className="cut foreign dim" title={text}>
      {text}
    </span>
  );
}
