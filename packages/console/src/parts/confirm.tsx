import { Button, Group, Modal, Stack, TextInput } from "@mantine/core";
import { type ReactNode, useState } from "react";
import { useSpeech } from "../i18n/language.tsx";
import { ErrorNotice } from "./notice.tsx";

/** Asks before something that cannot be undone. With `type`, the name or count must be typed first. */
export function Confirm(props: {
  title: string;
  children: ReactNode;
  action: string;
  type?: { what: string; label: string } | undefined;
  error?: unknown;
  busy?: boolean;
  onConfirm: () => void;
  onClose: () => void;
}) {
  const { title, children, action, type, error, busy = false, onConfirm, onClose } = props;
  const { say } = useSpeech();
  const [typed, setTyped] = useState("");
  const ready = type === undefined || typed.trim() === type.what;
  return (
    <Modal opened onClose={onClose} title={<span className="foreign">{title}</span>}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (ready && !busy) onConfirm();
        }}
      >
        <Stack gap="md">
          <div className="foreign">{children}</div>
          {type && (
            <TextInput
              data-autofocus
              label={<span className="foreign">{type.label}</span>}
              value={typed}
              onChange={(event) => setTyped(event.currentTarget.value)}
              autoComplete="off"
            />
          )}
          {error !== undefined && error !== null && <ErrorNotice error={error} />}
          <Group justify="flex-end" gap="sm">
            <Button variant="default" onClick={onClose}>
              {say("confirm.keep")}
            </Button>
            <Button type="submit" color="red.8" disabled={!ready} loading={busy} data-autofocus={!type || undefined}>
              {action}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
