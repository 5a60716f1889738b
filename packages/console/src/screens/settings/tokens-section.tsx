import { Button, Select } from "@mantine/core";
import type { Role, TokenCreate } from "@muster/core/resources";
import { IconPlus } from "@tabler/icons-react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { client } from "../../api/client.ts";
import { tokensQuery } from "../../api/queries.ts";
import { useSpeech } from "../../i18n/language.tsx";
import { CopyLine } from "../../parts/copy.tsx";
import { ErrorNotice } from "../../parts/notice.tsx";
import { RemoveButton, SettingsEntry, SettingsList } from "./list-parts.tsx";
import { TokenFacts } from "./token-facts.tsx";
import { TokenForm } from "./token-form.tsx";

const ROLES: readonly Role[] = ["viewer", "operator", "admin"];

/** What programs prove themselves with. */
export function TokensSection() {
  const { say } = useSpeech();
  const { data: tokens, error, refetch } = useQuery(tokensQuery);
  const [creating, setCreating] = useState(false);
  if (error) return <ErrorNotice error={error} retry={() => void refetch()} />;
  return (
    <>
      <SettingsList
        text={say("tokens.text")}
        none={say("tokens.none")}
        action={
          <Button leftSection={<IconPlus size={16} />} onClick={() => setCreating(true)}>
            {say("tokens.create")}
          </Button>
        }
      >
        {tokens?.map((token) => (
          <SettingsEntry
            key={token.id}
            name={token.name}
            facts={
              <>
                <span>{token.scopes.map((scope) => say(`role.${scope}`)).join(", ")}</span>
                <TokenFacts token={token} />
              </>
            }
            actions={
              <RemoveButton
                word={say("tokens.revoke")}
                title={say("tokens.revokeTitle", { name: token.name })}
                text={say("tokens.revokeText")}
                queryKey={tokensQuery.queryKey}
                remove={() => client.tokens.remove(token.id)}
              />
            }
          />
        ))}
      </SettingsList>
      {creating && <CreateToken close={() => setCreating(false)} />}
    </>
  );
}

function CreateToken({ close }: { close: () => void }) {
  const { say } = useSpeech();
  const queries = useQueryClient();
  const [scope, setScope] = useState<Role>("viewer");
  const create = useMutation({
    mutationFn: (token: TokenCreate) => client.tokens.create(token),
    onSuccess: () => queries.invalidateQueries({ queryKey: tokensQuery.queryKey }),
  });
  return (
    <TokenForm
      title={say("tokens.createTitle")}
      busy={create.isPending}
      error={create.error}
      onClose={close}
      onCreate={(name, expiresAt) => create.mutate({ name, scopes: [scope], expiresAt })}
      extra={
        <Select
          label={say("tokens.scope")}
          value={scope}
          allowDeselect={false}
          onChange={(value) => setScope(ROLES.find((role) => role === value) ?? "viewer")}
          data={ROLES.map((role) => ({ value: role, label: `${say(`role.${role}`)} – ${say(`roleText.${role}`)}` }))}
        />
      }
      created={
        create.data && (
          <>
            <p className="dim">{say("tokens.once")}</p>
            <CopyLine text={create.data.token} label={say("tokens.createTitle")} />
          </>
        )
      }
    />
  );
}
