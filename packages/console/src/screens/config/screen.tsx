import { Button } from "@mantine/core";
import type { Config } from "@muster/core/resources";
import { IconSend } from "@tabler/icons-react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { Link, useLocation, useNavigate, useParams } from "react-router";
import { client } from "../../api/client.ts";
import { configQuery, refreshConfigs } from "../../api/config-queries.ts";
import { useLiveConfigs } from "../../api/use-live-configs.ts";
import { usePlace } from "../../app/place.tsx";
import { useMay } from "../../app/session.tsx";
import { useSpeech } from "../../i18n/language.tsx";
import { Age } from "../../parts/age.tsx";
import { useKindWords } from "../../parts/config-words.ts";
import { Confirm } from "../../parts/confirm.tsx";
import { CopyText } from "../../parts/copy.tsx";
import { ErrorNotice } from "../../parts/notice.tsx";
import { Page } from "../../parts/page.tsx";
import { LinkTabs } from "../../parts/tabs.tsx";
import { AgentsTab } from "./agents-tab.tsx";
import { GroupsTab } from "./groups-tab.tsx";
import { RevisionsTab } from "./revisions-tab.tsx";
import { RolloutsTab } from "./rollouts-tab.tsx";
import { StateNotice } from "./state-notice.tsx";
import { TextTab } from "./text-tab.tsx";

const TABS = ["text", "revisions", "groups", "agents", "rollouts"] as const;
type Tab = (typeof TABS)[number];

/** One config: its text, what it was before, who has which revision, and what agents make of it. */
export function Screen() {
  const { configId = "", tab } = useParams();
  const { say } = useSpeech();
  const { data: config, error, refetch } = useQuery(configQuery(configId));
  usePlace([{ label: say("frame.configs"), to: "/configs" }, { label: config?.name ?? "…" }]);
  if (error && !config) {
    return (
      <Page title={say("frame.configs")} prose>
        <ErrorNotice error={error} retry={() => void refetch()} />
      </Page>
    );
  }
  if (!config) return <Page title={"\u00a0"}>{null}</Page>;
  return <ConfigPage key={config.id} config={config} tab={TABS.find((known) => known === tab) ?? "text"} />;
}

function ConfigPage({ config, tab }: { config: Config; tab: Tab }) {
  useLiveConfigs(config.id);
  const { say } = useSpeech();
  const operator = useMay("operator");
  const { state } = useLocation() as { state: { saved?: number } | null };
  const [saved, setSaved] = useState(state?.saved);
  const base = `/configs/${encodeURIComponent(config.id)}`;
  const bodies: Readonly<Record<Tab, () => ReactNode>> = {
    text: () => <TextTab config={config} onSaved={setSaved} />,
    revisions: () => <RevisionsTab config={config} onSaved={setSaved} />,
    groups: () => <GroupsTab config={config} />,
    agents: () => <AgentsTab config={config} />,
    rollouts: () => <RolloutsTab config={config} />,
  };
  return (
    <Page
      fill
      title={config.name}
      facts={<Facts config={config} />}
      actions={
        operator && (
          <>
            <Button component={Link} to={`${base}/give`} leftSection={<IconSend size={16} />}>
              {say("configs.give")}
            </Button>
            <RemoveConfig config={config} />
          </>
        )
      }
    >
      <StateNotice config={config} saved={saved} />
      <LinkTabs
        label={config.name}
        current={tab}
        tabs={TABS.map((id) => ({ id, to: id === "text" ? base : `${base}/${id}`, label: say(`config.tab.${id}`) }))}
      />
      {bodies[tab]()}
    </Page>
  );
}

function Facts({ config }: { config: Config }) {
  const { say, format } = useSpeech();
  const kindWords = useKindWords();
  return (
    <>
      <span>{kindWords(config.kind)}</span>
      <span className="figures">{say("inputs.revisionOf", { revision: config.revision })}</span>
      {config.agentType !== "" && <span className="foreign">{say("configs.onlyFor", { type: config.agentType })}</span>}
      {config.expiresAt !== null && (
        <span title={format.instant(config.expiresAt)}>
          {say("configs.expires")} <Age at={config.expiresAt} />
        </span>
      )}
      <span className="foreign">
        {say("configs.changedBy", { who: config.updatedBy })} <Age at={config.updatedAt} />
      </span>
      {config.description !== "" && <span className="foreign cut">{config.description}</span>}
      <CopyText text={config.id} shown={`…${config.id.slice(-8)}`} />
    </>
  );
}

function RemoveConfig({ config }: { config: Config }) {
  const { say } = useSpeech();
  const navigate = useNavigate();
  const queries = useQueryClient();
  const [asking, setAsking] = useState(false);
  const remove = useMutation({
    mutationFn: () => client.configs.remove(config.id),
    onSuccess: async () => {
      await navigate("/configs");
      void refreshConfigs(queries);
    },
  });
  const given = config.groups.length > 0;
  return (
    <>
      <Button variant="default" c="var(--m-wrong)" onClick={() => setAsking(true)}>
        {say("configs.remove")}
      </Button>
      {asking && (
        <Confirm
          title={say("configs.removeTitle", { name: config.name })}
          action={say("configs.remove")}
          type={given ? { what: config.name, label: say("confirm.typeName", { name: config.name }) } : undefined}
          error={remove.error}
          busy={remove.isPending}
          onConfirm={() => remove.mutate()}
          onClose={() => setAsking(false)}
        >
          {given
            ? say("configs.removeText", { groups: config.groups.map(({ name }) => name).join(", ") })
            : say("configs.removeTextNobody")}
        </Confirm>
      )}
    </>
  );
}
