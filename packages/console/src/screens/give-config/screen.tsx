import type { Config } from "@muster/core/resources";
import { useQuery } from "@tanstack/react-query";
import { useParams } from "react-router";
import { configQuery, configRevisionsQuery } from "../../api/config-queries.ts";
import { groupsQuery } from "../../api/queries.ts";
import { usePlace } from "../../app/place.tsx";
import { useMay } from "../../app/session.tsx";
import { useSpeech } from "../../i18n/language.tsx";
import { ErrorNotice, Notice } from "../../parts/notice.tsx";
import { Page } from "../../parts/page.tsx";
import { GiveForm } from "./give-form.tsx";

/** A revision for groups: which, to whom, how fast, and what that would change before anything is changed. */
export function Screen() {
  const { configId = "" } = useParams();
  const { say } = useSpeech();
  const operator = useMay("operator");
  const config = useQuery(configQuery(configId));
  const revisions = useQuery(configRevisionsQuery(configId));
  const groups = useQuery(groupsQuery);
  const base = `/configs/${encodeURIComponent(configId)}`;
  usePlace([
    { label: say("frame.configs"), to: "/configs" },
    { label: config.data?.name ?? "…", to: base },
    { label: say("configs.give") },
  ]);
  const title = config.data ? say("give.title", { name: config.data.name }) : "\u00a0";
  if (!operator) {
    return (
      <Page title={title} prose>
        <Notice tone="attention" title={say("configs.notAllowed")} />
      </Page>
    );
  }
  const error = config.error ?? revisions.error ?? groups.error;
  if (error) {
    return (
      <Page title={title} prose>
        <ErrorNotice
          error={error}
          retry={() => void Promise.all([config.refetch(), revisions.refetch(), groups.refetch()])}
        />
      </Page>
    );
  }
  const ready = config.data && revisions.data && groups.data;
  return (
    <Page title={title} facts={config.data && <Facts config={config.data} />}>
      {ready && <GiveForm key={configId} config={config.data} revisions={revisions.data} groups={groups.data} />}
    </Page>
  );
}

function Facts({ config }: { config: Config }) {
  const { say } = useSpeech();
  return (
    <span className="foreign">
      {config.groups.length === 0
        ? say("configs.givenToNobody")
        : config.groups.map(({ name, revision }) => `${name}: ${say("inputs.revisionOf", { revision })}`).join(", ")}
    </span>
  );
}
