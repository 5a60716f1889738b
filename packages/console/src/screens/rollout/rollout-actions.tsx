import { Button } from "@mantine/core";
import type { Rollout } from "@muster/core/resources";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { client } from "../../api/client.ts";
import { refreshConfigs, rolloutQuery } from "../../api/config-queries.ts";
import { useSpeech } from "../../i18n/language.tsx";
import { deedsOf, type RolloutDeed, sumRollout } from "../../logic/rollout-picture.ts";
import { Confirm } from "../../parts/confirm.tsx";
import { ErrorNotice } from "../../parts/notice.tsx";

/** Above so many agents the count must be typed before they are touched again. */
const TYPE_ABOVE = 10;

/** Pause and resume at once; cancel and roll back after asking. */
export function RolloutActions({ rollout }: { rollout: Rollout }) {
  const { say } = useSpeech();
  const queries = useQueryClient();
  const [asking, setAsking] = useState<"cancel" | "rollBack">();
  const act = useMutation({
    mutationFn: (deed: RolloutDeed) => client.rollouts[deed](rollout.id),
    onSuccess: (changed) => {
      queries.setQueryData(rolloutQuery(rollout.id).queryKey, changed);
      setAsking(undefined);
    },
    onSettled: () => void refreshConfigs(queries),
  });
  const sum = sumRollout(rollout);
  const touched = sum.agents - sum.waiting;
  const press = (deed: RolloutDeed) => {
    act.reset();
    if (deed === "cancel" || deed === "rollBack") setAsking(deed);
    else act.mutate(deed);
  };
  return (
    <>
      {deedsOf(rollout.state).map((deed) => (
        <Button
          key={deed}
          variant={deed === "resume" ? "filled" : "default"}
          {...(deed === "rollBack" && { c: "var(--m-wrong)" })}
          loading={act.isPending && act.variables === deed && asking === undefined}
          onClick={() => press(deed)}
        >
          {say(`rollout.${deed}`)}
        </Button>
      ))}
      {act.error && asking === undefined && <ErrorNotice error={act.error} />}
      {asking && (
        <Confirm
          title={say(`rollout.${asking}Title`, { name: rollout.configName, revision: rollout.revision })}
          action={say(`rollout.${asking}`)}
          type={
            asking === "rollBack" && touched > TYPE_ABOVE
              ? { what: String(touched), label: say("confirm.typeCount", { count: String(touched) }) }
              : undefined
          }
          error={act.error}
          busy={act.isPending}
          onConfirm={() => act.mutate(asking)}
          onClose={() => setAsking(undefined)}
        >
          {asking === "rollBack" ? say("rollout.rollBackText", { count: touched }) : say("rollout.cancelText")}
        </Confirm>
      )}
    </>
  );
}
