import { Button, Group, Modal, PasswordInput, Select, TextInput } from "@mantine/core";
import type { Role, User } from "@muster/core/resources";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { client } from "../../api/client.ts";
import { usersQuery } from "../../api/queries.ts";
import { useSpeech } from "../../i18n/language.tsx";
import { ErrorNotice } from "../../parts/notice.tsx";
import classes from "./settings.module.css";

const ROLES: readonly Role[] = ["viewer", "operator", "admin"];
const PASSWORD_LENGTH = 12;

/** A new user, or another role or password for one. */
export function UserForm({ user, close }: { user: User | undefined; close: () => void }) {
  const { say } = useSpeech();
  const queries = useQueryClient();
  const [username, setUsername] = useState(user?.username ?? "");
  const [role, setRole] = useState<Role>(user?.role ?? "viewer");
  const [password, setPassword] = useState("");
  const save = useMutation({
    mutationFn: () =>
      user
        ? client.users.update(user.id, { role, ...(password !== "" && { password }) })
        : client.users.create({ username: username.trim(), role, password }),
    onSuccess: () => {
      void queries.invalidateQueries({ queryKey: usersQuery.queryKey });
      close();
    },
  });
  const passwordFits = (user !== undefined && password === "") || password.length >= PASSWORD_LENGTH;
  return (
    <Modal opened onClose={close} title={<span className="foreign">{user ? user.username : say("users.create")}</span>}>
      <form
        className={classes.form}
        onSubmit={(event) => {
          event.preventDefault();
          if (passwordFits && username.trim() !== "") save.mutate();
        }}
      >
        {!user && (
          <TextInput
            data-autofocus
            label={say("login.username")}
            value={username}
            maxLength={99}
            autoComplete="off"
            onChange={(event) => setUsername(event.currentTarget.value)}
          />
        )}
        <Select
          label={say("users.role")}
          value={role}
          allowDeselect={false}
          onChange={(value) => setRole(ROLES.find((known) => known === value) ?? "viewer")}
          data={ROLES.map((known) => ({
            value: known,
            label: `${say(`role.${known}`)} – ${say(`roleText.${known}`)}`,
          }))}
        />
        <PasswordInput
          label={user ? say("users.newPassword") : say("login.password")}
          description={user ? say("users.newPasswordText") : say("password.rule", { count: PASSWORD_LENGTH })}
          value={password}
          autoComplete="new-password"
          error={password !== "" && !passwordFits && say("password.rule", { count: PASSWORD_LENGTH })}
          onChange={(event) => setPassword(event.currentTarget.value)}
        />
        {save.error && <ErrorNotice error={save.error} />}
        <Group justify="flex-end" gap="sm">
          <Button variant="default" onClick={close}>
            {say("confirm.keep")}
          </Button>
          <Button type="submit" loading={save.isPending} disabled={!passwordFits || username.trim() === ""}>
            {user ? say("groups.save") : say("users.create")}
          </Button>
        </Group>
      </form>
    </Modal>
  );
}
