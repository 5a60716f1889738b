import { Button, Select } from "@mantine/core";
import type { Config } from "@muster/core/resources";
import { IconPlus } from "@tabler/icons-react";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Link, useSearchParams } from "react-router";
import { configKindsQuery, configsQuery } from "../../api/config-queries.ts";
import { useLiveConfigs } from "../../api/use-live-configs.ts";
import { usePlace } from "../../app/place.tsx";
import { useMay } from "../../app/session.tsx";
import { useSpeech } from "../../i18n/language.tsx";
import { useKindWords } from "../../parts/config-words.ts";
import { DataTable } from "../../parts/data-table.tsx";
import { Empty } from "../../parts/empty.tsx";
import { ErrorNotice } from "../../parts/notice.tsx";
import { Page } from "../../parts/page.tsx";
import bar from "../agents/filter-bar.module.css";
import { SearchInput } from "../agents/filter-bar.tsx";
import { useConfigColumns } from "./config-columns.tsx";

/** Every document that agents can be given. */
export function Screen() {
  const { say } = useSpeech();
  usePlace([{ label: say("frame.configs") }]);
  const operator = useMay("operator");
  const [parameters, setParameters] = useSearchParams();
  const filter = parameters.get("q") ?? "";
  const kind = parameters.get("kind") ?? "";
  const kinds = useQuery(configKindsQuery);
  const configs = useInfiniteQuery(configsQuery({ ...(filter && { filter }), ...(kind && { kind }) }));
  useLiveConfigs();
  const columns = useConfigColumns();
  const kindWords = useKindWords();
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
  const create = operator && (
    <Button component={Link} to="/configs/new" leftSection={<IconPlus size={16} />}>
      {say("configs.create")}
    </Button>
  );
  return (
    <Page fill title={say("frame.configs")} actions={create}>
      <div className={bar.bar}>
        <SearchInput value={filter} onChange={(text) => write("q", text)} placeholder={say("configs.search")} />
        <Select
          className={bar.group ?? ""}
          placeholder={say("configs.anyKind")}
          aria-label={say("configs.kind")}
          value={kind || null}
          onChange={(value) => write("kind", value ?? "")}
          data={(kinds.data ?? []).map((each) => ({ value: each.id, label: kindWords(each.id) }))}
          clearable
        />
      </div>
      {configs.error ? (
        <ErrorNotice error={configs.error} retry={() => void configs.refetch()} />
      ) : (
        <DataTable<Config>
          label={say("frame.configs")}
          columns={columns}
          rows={configs.data?.pages.flatMap((page) => page.items)}
          rowKey={(config) => config.id}
          rowLink={(config) => `/configs/${config.id}`}
          rowHeight={44}
          hasMore={configs.hasNextPage}
          loadMore={() => void (configs.isFetchingNextPage || configs.fetchNextPage())}
          empty={
            filter !== "" || kind !== "" ? (
              <Empty title={say("configs.noneMatch")} text={say("agents.noneMatchText")} />
            ) : (
              <Empty title={say("configs.none")} text={say("configs.noneText")}>
                {create}
              </Empty>
            )
          }
        />
      )}
    </Page>
  );
}
