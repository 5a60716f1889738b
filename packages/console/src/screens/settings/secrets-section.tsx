import { Button, Group, Modal, PasswordInput, TextInput } from "@mantine/core";
import type { ConfigSecret } from "@muster/core/resources";
import { IconPlus } from "@tabler/icons-react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { client } from "../../api/client.ts";
import { refreshConfigs, secretsQuery } from "../../api/config-queries.ts";
import { useSpeech } from "../../i18n/language.tsx";
import { Age } from "../../parts/age.tsx";
import { CopyText } from "../../parts/copy.tsx";
import { ErrorNotice } from "../../parts/notice.tsx";
import { RemoveButton, SettingsEntry, SettingsList } from "./list-parts.tsx";
import classes from "./settings.module.css";

/** Values that configs ask for. They can be set and never read. */
export function SecretsSection() {
  const { say } = useSpeech();
  const { data: secrets, error, refetch } = useQuery(secretsQuery);
  const [setting, setSetting] = useState<{ secret: ConfigSecret | undefined }>();
  if (error) return <ErrorNotice error={error} retry={() => void refetch()} />;
  return (
    <>
      <SettingsList
        text={say("secrets.text")}
        none={say("secrets.none")}
        action={
          <Button leftSection={<IconPlus size={16} />} onClick={() => setSetting({ secret: undefined })}>
            {say("secrets.create")}
          </Button>
        }
      >
        {secrets?.map((secret) => (
          <SettingsEntry
            key={secret.name}
            name={<CopyText text={`\${secret.${secret.name}}`} />}
            facts={<Facts secret={secret} />}
            actions={
              <>
                <Button size="xs" variant="subtle" color="gray" onClick={() => setSetting({ secret })}>
                  {say("secrets.replace")}
                </Button>
                {secret.usedBy.length === 0 && (
                  <RemoveButton
                    word={say("users.remove")}
                    title={say("secrets.removeTitle", { name: secret.name })}
                    text={say("confirm.cannotUndo")}
                    queryKey={secretsQuery.queryKey}
                    remove={() => client.secrets.remove(secret.name)}
                  />
                )}
              </>
            }
          />
        ))}
      </SettingsList>
      {setting && <SetSecret secret={setting.secret} close={() => setSetting(undefined)} />}
    </>
  );
}

function Facts({ secret }: { secret: ConfigSecret }) {
  const { say } = useSpeech();
  return (
    <>
      {secret.description !== "" && <span className="foreign">{secret.description}</span>}
      <span className="foreign">
        {say("secrets.setBy", { who: secret.updatedBy })} <Age at={secret.updatedAt} />
      </span>
      <span className="foreign">
        {secret.usedBy.length === 0
          ? say("secrets.unused")
          : say("secrets.usedBy", { configs: secret.usedBy.join(", ") })}
      </span>
    </>
  );
}

/** The form of a secret; `secret` is undefined for a new one. */
function SetSecret({ secret, close }: { secret: ConfigSecret | undefined; close: () => void }) {
  const { say } = useSpeech();
  const queries = useQueryClient();
  const [name, setName] = useState(secret?.name ?? "");
  const [value, setValue] = useState("");
  const [description, setDescription] = useState(secret?.description ?? "");
  const store = useMutation({
    mutationFn: () => client.secrets.set(name.trim(), { value, description }),
    onSuccess: () => {
      close();
      void queries.invalidateQueries({ queryKey: secretsQuery.queryKey });
      void refreshConfigs(queries);
    },
  });
  const ready = name.trim() !== "" && value !== "";
  return (
    <Modal
      opened
      onClose={close}
      size="lg"
      title={secret ? say("secrets.replaceTitle", { name: secret.name }) : say("secrets.create")}
    >
      <form
        className={classes.form}
        onSubmit={(event) => {
          event.preventDefault();
          if (ready) store.mutate();
        }}
      >
        {!secret && (
          <TextInput
            data-autofocus
            label={say("tokens.name")}
            description={say("secrets.nameText")}
            value={name}
            maxLength={200}
            autoComplete="off"
            onChange={(event) => setName(event.currentTarget.value)}
          />
        )}
        <PasswordInput
          data-autofocus={secret ? true : undefined}
          label={say("secrets.value")}
          description={say("secrets.valueText")}
          value={value}
          autoComplete="new-password"
          onChange={(event) => setValue(event.currentTarget.value)}
        />
        <TextInput
          label={say("groups.description")}
          value={description}
          maxLength={1000}
          onChange={(event) => setDescription(event.currentTarget.value)}
        />
        {secret && secret.usedBy.length > 0 && (
          <p className="foreign">{say("secrets.givesAnew", { configs: secret.usedBy.join(", ") })}</p>
        )}
        {store.error && <ErrorNotice error={store.error} />}
        <Group justify="flex-end" gap="sm">
          <Button variant="default" onClick={close}>
            {say("confirm.keep")}
          </Button>
          <Button type="submit" loading={store.isPending} disabled={!ready}>
            {say("secrets.store")}
          </Button>
        </Group>
      </form>
    </Modal>
  );
}
