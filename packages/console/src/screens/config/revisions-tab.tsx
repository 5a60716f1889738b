import { Button } from "@mantine/core";
import type { Config, ConfigRevision } from "@muster/core/resources";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Link, useLocation, useNavigate } from "react-router";
import { client } from "../../api/client.ts";
import { configRevisionsQuery, refreshConfigs } from "../../api/config-queries.ts";
import { useMay } from "../../app/session.tsx";
import { useSpeech } from "../../i18n/language.tsx";
import { Age } from "../../parts/age.tsx";
import { Confirm } from "../../parts/confirm.tsx";
import { type Column, DataTable } from "../../parts/data-table.tsx";
import { ErrorNotice } from "../../parts/notice.tsx";
import { RevisionComparison } from "../../parts/revision-comparison.tsx";
import classes from "./config.module.css";

const ROW_PX = 36;
const HEAD_PX = 35;
const MAX_ROWS = 5;

/** Every revision and who has it, any two of them beside each other, and the way back to a text. */
export function RevisionsTab(props: { config: Config; onSaved: (revision: number | undefined) => void }) {
  const { config, onSaved } = props;
  const { say } = useSpeech();
  const operator = useMay("operator");
  const [asking, setAsking] = useState<ConfigRevision>();
  const { pathname } = useLocation();
  const { data: revisions, error, refetch } = useQuery(configRevisionsQuery(config.id));
  const columns = useRevisionColumns(config);
  const wordsOf = useMessageWords();
  if (error && !revisions) return <ErrorNotice error={error} retry={() => void refetch()} />;
  const newest = revisions?.[0];
  const rows = Math.min(Math.max(revisions?.length ?? 3, 1), MAX_ROWS);
  return (
    <>
      <div className={classes.list} style={{ height: HEAD_PX + rows * ROW_PX + 1 }}>
        <DataTable<ConfigRevision>
          label={say("config.tab.revisions")}
          columns={columns}
          rows={revisions}
          rowKey={(revision) => String(revision.revision)}
          rowLink={(revision) => `${pathname}?to=${revision.revision}`}
          empty={null}
        />
      </div>
      {revisions && (
        <RevisionComparison
          revisions={revisions}
          textOf={(revision) => revision.text}
          wordsOf={wordsOf}
          format={config.format}
          actions={({ before, after }) =>
            operator && (
              <>
                <Button
                  variant="default"
                  component={Link}
                  to={`/configs/${encodeURIComponent(config.id)}/give?revision=${after.revision}`}
                >
                  {say("configs.giveRevision", { revision: after.revision })}
                </Button>
                {[before, after].map(
                  (side) =>
                    side &&
                    side.digest !== newest?.digest && (
                      <Button key={side.revision} variant="default" onClick={() => setAsking(side)}>
                        {say("configs.useAgain", { revision: side.revision })}
                      </Button>
                    ),
                )}
              </>
            )
          }
        />
      )}
      {asking && <UseAgain config={config} revision={asking} close={() => setAsking(undefined)} onSaved={onSaved} />}
    </>
  );
}

/** What its author said of a revision; the first one often has nothing to say. */
function useMessageWords(): (revision: ConfigRevision) => string {
  const { say } = useSpeech();
  return ({ message, revision }) => {
    if (message !== "") return message;
    return revision === 1 ? say("deed.added") : say("deed.changed");
  };
}

function useRevisionColumns(config: Config): Column<ConfigRevision>[] {
  const { say } = useSpeech();
  const wordsOf = useMessageWords();
  return [
    {
      id: "revision",
      title: say("inputs.revision"),
      width: "72px",
      align: "end",
      cell: ({ revision }) => <span className="figures">{revision}</span>,
    },
    {
      id: "what",
      title: say("revisions.what"),
      width: "minmax(100px, 1.4fr)",
      cell: (revision) => <span className="cut foreign">{wordsOf(revision)}</span>,
    },
    {
      id: "groups",
      title: say("configs.groupsWithIt"),
      width: "minmax(90px, 1fr)",
      cell: ({ revision }) => (
        <span className="cut foreign">
          {config.groups
            .filter((group) => group.revision === revision)
            .map(({ name }) => name)
            .join(", ") || <span className="dim">–</span>}
        </span>
      ),
    },
    {
      id: "who",
      title: say("revisions.who"),
      width: "minmax(70px, 160px)",
      hideBelow: 640,
      cell: ({ createdBy }) => <span className="cut foreign">{createdBy}</span>,
    },
    { id: "when", title: say("revisions.when"), width: "92px", cell: ({ createdAt }) => <Age at={createdAt} /> },
  ];
}

/** An old text as the newest revision. It reaches nobody until it is given. */
function UseAgain(props: {
  config: Config;
  revision: ConfigRevision;
  close: () => void;
  onSaved: (revision: number | undefined) => void;
}) {
  const { config, revision, close, onSaved } = props;
  const { say } = useSpeech();
  const navigate = useNavigate();
  const { pathname } = useLocation();
  const queries = useQueryClient();
  const again = useMutation({
    mutationFn: () =>
      client.configs.change(config.id, {
        text: revision.text,
        message: `text of revision ${revision.revision}`,
        baseRevision: config.revision,
      }),
    onSuccess: async (saved) => {
      close();
      onSaved(saved.revision);
      await refreshConfigs(queries);
      void navigate(pathname, { replace: true });
    },
  });
  const about = { revision: revision.revision };
  return (
    <Confirm
      title={say("configs.useAgainTitle", { ...about, name: config.name })}
      action={say("configs.useAgain", about)}
      error={again.error}
      busy={again.isPending}
      onConfirm={() => again.mutate()}
      onClose={close}
    >
      {say("configs.useAgainText", about)}
    </Confirm>
  );
}
