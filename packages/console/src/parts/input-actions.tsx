import { Button } from "@mantine/core";
import type { Agent, Input } from "@muster/core/resources";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { client } from "../api/client.ts";
import { refreshInputs } from "../api/input-queries.ts";
import { useSpeech } from "../i18n/language.tsx";
import { nameOf } from "../logic/input-list.ts";
import { Confirm } from "./confirm.tsx";
import { ErrorNotice } from "./notice.tsx";

type Deed = "enable" | "disable" | "remove";

/** Above so many inputs the count must be typed before they are deleted. */
const TYPE_ABOVE = 10;

/** Enable, disable and delete, for one input or several of one agent. Files that are not ours are left alone. */
export function InputActions(props: {
  agent: Pick<Agent, "id" | "name">;
  inputs: readonly Input[];
  onDone?: (deed: Deed) => void;
}) {
  const { agent, onDone } = props;
  const { say } = useSpeech();
  const queries = useQueryClient();
  const [asking, setAsking] = useState<Exclude<Deed, "enable">>();
  const ours = props.inputs.filter((input) => input.managed);
  const off = ours.filter((input) => input.status === "disabled");
  const on = ours.filter((input) => input.status !== "disabled");
  const act = useMutation({
    mutationFn: async (deed: Deed) => {
      if (deed === "enable")
        await client.inputs.enable(
          agent.id,
          off.map(({ id }) => id),
        );
      else if (deed === "disable")
        await client.inputs.disable(
          agent.id,
          on.map(({ id }) => id),
        );
      else for (const { id } of ours) await client.inputs.remove(agent.id, id);
    },
    onSettled: () => void refreshInputs(queries, agent.id),
    onSuccess: (_, deed) => {
      setAsking(undefined);
      onDone?.(deed);
    },
  });
  const ask = (deed: Exclude<Deed, "enable">) => {
    act.reset();
    setAsking(deed);
  };
  const several = props.inputs.length > 1;
  const foreign = props.inputs.length - ours.length;
  const hit = asking === "disable" ? on : ours;
  const name = agent.name;
  const [only] = hit;
  const what = hit.length === 1 && only ? nameOf(only) : say("inputs.howMany", { count: hit.length });
  return (
    <>
      {off.length > 0 && (
        <Button
          variant="default"
          loading={act.isPending && act.variables === "enable"}
          onClick={() => act.mutate("enable")}
        >
          {several ? say("inputs.enableCount", { count: off.length }) : say("inputs.enable")}
        </Button>
      )}
      {on.length > 0 && (
        <Button variant="default" onClick={() => ask("disable")}>
          {several ? say("inputs.disableCount", { count: on.length }) : say("inputs.disable")}
        </Button>
      )}
      {ours.length > 0 && (
        <Button variant="default" c="var(--m-wrong)" onClick={() => ask("remove")}>
          {several ? say("inputs.removeCount", { count: ours.length }) : say("inputs.remove")}
        </Button>
      )}
      {foreign > 0 && several && <span className="dim">{say("inputs.unmanagedLeft", { count: foreign })}</span>}
      {act.error && asking === undefined && <ErrorNotice error={act.error} />}
      {asking && (
        <Confirm
          title={say(asking === "disable" ? "inputs.disableTitle" : "inputs.removeTitle", { what, name })}
          action={say(`inputs.${asking}`)}
          type={
            asking === "remove" && hit.length > TYPE_ABOVE
              ? { what: String(hit.length), label: say("confirm.typeCount", { count: hit.length }) }
              : undefined
          }
          error={act.error}
          busy={act.isPending}
          onConfirm={() => act.mutate(asking)}
          onClose={() => setAsking(undefined)}
        >
          {hit.length > 1 && <p className="dim">{hit.map(nameOf).join(", ")}</p>}
          {say(asking === "disable" ? "inputs.disableText" : "inputs.removeText")}
        </Confirm>
      )}
    </>
  );
}
