import { Button, Group, Modal, Select, TextInput } from "@mantine/core";
import { type ReactNode, useState } from "react";
import { useServerClock } from "../../api/clock.tsx";
import { useSpeech } from "../../i18n/language.tsx";
import { ErrorNotice } from "../../parts/notice.tsx";
import classes from "./settings.module.css";

const LIFETIMES = ["7", "30", "90", "365", "never"] as const;

/** Asks for what every kind of token has: a name and an end. What it answers is shown once. */
export function TokenForm(props: {
  title: string;
  extra?: ReactNode;
  busy: boolean;
  error: unknown;
  created: ReactNode | undefined;
  onCreate: (name: string, expiresAt: string | null) => void;
  onClose: () => void;
}) {
  const { title, extra, busy, error, created, onCreate, onClose } = props;
  const { say } = useSpeech();
  const clock = useServerClock();
  const [name, setName] = useState("");
  const [lifetime, setLifetime] = useState<string>("90");
  const submit = () => {
    const days = Number(lifetime);
    onCreate(name.trim(), Number.isNaN(days) ? null : new Date(clock() + days * 86_400_000).toISOString());
  };
  return (
    <Modal opened onClose={onClose} title={title} size="lg" closeOnClickOutside={!created}>
      {created ? (
        <div className={classes.form}>
          {created}
          <Group justify="flex-end">
            <Button onClick={onClose}>{say("tokens.kept")}</Button>
          </Group>
        </div>
      ) : (
        <form
          className={classes.form}
          onSubmit={(event) => {
            event.preventDefault();
            if (name.trim() !== "") submit();
          }}
        >
          <TextInput
            data-autofocus
            label={say("tokens.name")}
            description={say("tokens.nameText")}
            value={name}
            maxLength={100}
            onChange={(event) => setName(event.currentTarget.value)}
          />
          {extra}
          <Select
            label={say("tokens.expires")}
            value={lifetime}
            allowDeselect={false}
            onChange={(value) => setLifetime(value ?? "90")}
            data={LIFETIMES.map((days) => ({
              value: days,
              label: days === "never" ? say("tokens.never") : say("tokens.days", { count: Number(days) }),
            }))}
          />
          {error !== null && error !== undefined && <ErrorNotice error={error} />}
          <Group justify="flex-end" gap="sm">
            <Button variant="default" onClick={onClose}>
              {say("confirm.keep")}
            </Button>
            <Button type="submit" loading={busy} disabled={name.trim() === ""}>
              {say("tokens.create")}
            </Button>
          </Group>
        </form>
      )}
    </Modal>
  );
}
