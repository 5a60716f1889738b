import { Button } from "@mantine/core";
import type { EnrollmentTokenCreate } from "@muster/core/resources";
import { IconPlus } from "@tabler/icons-react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { client } from "../../api/client.ts";
import { enrollmentTokensQuery } from "../../api/queries.ts";
import { useMay } from "../../app/session.tsx";
import { useSpeech } from "../../i18n/language.tsx";
import { CopyLine } from "../../parts/copy.tsx";
import { ErrorNotice } from "../../parts/notice.tsx";
import { RemoveButton, SettingsEntry, SettingsList } from "./list-parts.tsx";
import { TokenFacts } from "./token-facts.tsx";
import { TokenForm } from "./token-form.tsx";

/** What agents prove themselves with. */
export function EnrollmentSection() {
  const { say } = useSpeech();
  const admin = useMay("admin");
  const { data: tokens, error, refetch } = useQuery(enrollmentTokensQuery);
  const [creating, setCreating] = useState(false);
  if (error) return <ErrorNotice error={error} retry={() => void refetch()} />;
  return (
    <>
      <SettingsList
        text={say("enrollment.text")}
        none={say("enrollment.none")}
        action={
          admin && (
            <Button leftSection={<IconPlus size={16} />} onClick={() => setCreating(true)}>
              {say("tokens.create")}
            </Button>
          )
        }
      >
        {tokens?.map((token) => (
          <SettingsEntry
            key={token.id}
            name={token.name}
            facts={
              <>
                <span className="figures">{say("agents.count", { count: token.agents })}</span>
                <TokenFacts token={token} />
              </>
            }
            actions={
              admin && (
                <RemoveButton
                  word={say("tokens.revoke")}
                  title={say("tokens.revokeTitle", { name: token.name })}
                  text={say("enrollment.revokeText", { count: token.agents })}
                  queryKey={enrollmentTokensQuery.queryKey}
                  remove={() => client.enrollmentTokens.remove(token.id)}
                />
              )
            }
          />
        ))}
      </SettingsList>
      {creating && <CreateEnrollment close={() => setCreating(false)} />}
    </>
  );
}

function CreateEnrollment({ close }: { close: () => void }) {
  const { say } = useSpeech();
  const queries = useQueryClient();
  const create = useMutation({
    mutationFn: (token: EnrollmentTokenCreate) => client.enrollmentTokens.create(token),
    onSuccess: () => queries.invalidateQueries({ queryKey: enrollmentTokensQuery.queryKey }),
  });
  return (
    <TokenForm
      title={say("enrollment.createTitle")}
      busy={create.isPending}
      error={create.error}
      onClose={close}
      onCreate={(name, expiresAt) => create.mutate({ name, expiresAt })}
      created={
        create.data && (
          <>
            <p className="dim">{say("addHost.once")}</p>
            <CopyLine text={create.data.installLine} label={say("addHost.install")} />
            <CopyLine text={create.data.agentLine} label={say("addHost.agent")} />
          </>
        )
      }
    />
  );
}
