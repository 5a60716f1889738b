import { Button } from "@mantine/core";
import type { User } from "@muster/core/resources";
import { IconPlus } from "@tabler/icons-react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { client } from "../../api/client.ts";
import { usersQuery } from "../../api/queries.ts";
import { usePrincipal } from "../../app/session.tsx";
import { useSpeech } from "../../i18n/language.tsx";
import { Age } from "../../parts/age.tsx";
import { ErrorNotice } from "../../parts/notice.tsx";
import { RemoveButton, SettingsEntry, SettingsList } from "./list-parts.tsx";
import { UserForm } from "./user-form.tsx";

/** The people who may log in. */
export function UsersSection() {
  const { say } = useSpeech();
  const { data: users, error, refetch } = useQuery(usersQuery);
  const [editing, setEditing] = useState<User | "new">();
  if (error) return <ErrorNotice error={error} retry={() => void refetch()} />;
  return (
    <>
      <SettingsList
        text={say("users.text")}
        none={say("users.none")}
        action={
          <Button leftSection={<IconPlus size={16} />} onClick={() => setEditing("new")}>
            {say("users.create")}
          </Button>
        }
      >
        {users?.map((user) => (
          <UserEntry key={user.id} user={user} edit={() => setEditing(user)} />
        ))}
      </SettingsList>
      {editing && <UserForm user={editing === "new" ? undefined : editing} close={() => setEditing(undefined)} />}
    </>
  );
}

function UserEntry({ user, edit }: { user: User; edit: () => void }) {
  const { say } = useSpeech();
  const self = usePrincipal().id === user.id;
  const queries = useQueryClient();
  const toggle = useMutation({
    mutationFn: () => client.users.update(user.id, { disabled: !user.disabled }),
    onSuccess: () => queries.invalidateQueries({ queryKey: usersQuery.queryKey }),
  });
  return (
    <SettingsEntry
      name={
        <>
          {user.username} {self && <span className="dim">{say("users.you")}</span>}
        </>
      }
      facts={
        <>
          <span>{say(`role.${user.role}`)}</span>
          {user.disabled && <span>{say("users.disabled")}</span>}
          <span>
            {say("users.lastLogin")} <Age at={user.lastLoginAt} />
          </span>
          {toggle.error && <span>{toggle.error.message}</span>}
        </>
      }
      actions={
        !self && (
          <>
            <Button size="xs" variant="subtle" color="gray" onClick={edit}>
              {say("users.edit")}
            </Button>
            <Button size="xs" variant="subtle" color="gray" loading={toggle.isPending} onClick={() => toggle.mutate()}>
              {user.disabled ? say("users.enable") : say("users.disable")}
            </Button>
            <RemoveButton
              word={say("users.remove")}
              title={say("users.removeTitle", { name: user.username })}
              text={say("users.removeText")}
              queryKey={usersQuery.queryKey}
              remove={() => client.users.remove(user.id)}
            />
          </>
        )
      }
    />
  );
}
