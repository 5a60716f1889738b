import { Button } from "@mantine/core";
import type { Command } from "@muster/core/resources";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { client } from "../../api/client.ts";
import { commandQuery } from "../../api/queries.ts";
import { useSpeech } from "../../i18n/language.tsx";
import { Confirm } from "../../parts/confirm.tsx";
import { countEnded } from "../../parts/counts-bar.tsx";

/** Above so many hosts the count must be typed. */
const TYPE_ABOVE = 10;

/** Stops what runs and drops what has not started. */
export function CancelCommand({ command }: { command: Command }) {
  const { say } = useSpeech();
  const queries = useQueryClient();
  const [asking, setAsking] = useState(false);
  const cancel = useMutation({
    mutationFn: () => client.commands.cancel(command.id),
    onSuccess: (cancelled) => {
      queries.setQueryData(commandQuery(command.id).queryKey, cancelled);
      setAsking(false);
    },
  });
  const left = command.total - countEnded(command.counts);
  return (
    <>
      <Button variant="default" c="var(--m-wrong)" onClick={() => setAsking(true)}>
        {say("command.cancel")}
      </Button>
      {asking && (
        <Confirm
          title={say("command.cancelTitle", { count: left })}
          action={say("command.cancel")}
          type={
            left > TYPE_ABOVE
              ? { what: String(left), label: say("confirm.typeCount", { count: String(left) }) }
              : undefined
          }
          error={cancel.error}
          busy={cancel.isPending}
          onConfirm={() => cancel.mutate()}
          onClose={() => setAsking(false)}
        >
          {say("command.cancelText")}
        </Confirm>
      )}
    </>
  );
}
