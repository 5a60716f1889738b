import { Button } from "@mantine/core";
import { CAPABILITIES } from "@muster/core";
import type { Agent } from "@muster/core/resources";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { useNavigate } from "react-router";
import { client } from "../../api/client.ts";
import { useMay } from "../../app/session.tsx";
import { useSpeech } from "../../i18n/language.tsx";
import { speechOf } from "../../logic/agent-speech.ts";
import { Age } from "../../parts/age.tsx";
import { Confirm } from "../../parts/confirm.tsx";
import { CopyText } from "../../parts/copy.tsx";
import { FactList } from "../../parts/fact-list.tsx";
import { Mark } from "../../parts/mark.tsx";
import { Notice } from "../../parts/notice.tsx";
import { Section } from "../../parts/page.tsx";
import classes from "./about-tab.module.css";
import { LabelEditor } from "./label-editor.tsx";

/** A clock this far off makes times in logs and history misleading. */
const SKEW_MS = 5000;

/** What the agent is, what it can do, what it is called, and the way out. */
export function AboutTab({ agent }: { agent: Agent }) {
  const { say, format } = useSpeech();
  const skew = agent.clockSkewMs;
  const speech = speechOf(agent);
  const skewWords =
    skew === null
      ? "–"
      : Math.abs(skew) < 1000
        ? say("agent.skewNone")
        : say(skew > 0 ? "agent.skewAhead" : "agent.skewBehind", { span: format.duration(Math.abs(skew)) });
  const facts: { name: string; value: ReactNode }[] = [
    { name: say("agent.hostname"), value: <span className="foreign">{agent.hostname}</span> },
    { name: say("agent.addresses"), value: <Addresses addresses={agent.addresses} /> },
    {
      name: say("agents.os"),
      value: <span className="foreign">{[agent.os, agent.arch].filter(Boolean).join(" · ") || "–"}</span>,
    },
    { name: say("agent.version"), value: <span className="foreign">{agent.version ?? "–"}</span> },
    { name: say("agent.protocol"), value: say(`speech.${speech}`) },
    { name: say("agent.externalId"), value: <CopyText text={agent.externalId} /> },
    { name: say("agent.id"), value: <CopyText text={agent.id} /> },
    { name: say("agent.firstSeen"), value: <Age at={agent.firstSeenAt} /> },
    { name: say("agent.lastSeen"), value: <Age at={agent.lastSeenAt} /> },
    { name: say("agent.connections"), value: format.number(agent.connections) },
    { name: say("agent.skew"), value: skewWords },
  ];
  return (
    <div className={classes.about}>
      {skew !== null && Math.abs(skew) > SKEW_MS && (
        <Notice tone="attention" title={say("agent.skewTitle", { span: format.duration(Math.abs(skew)) })}>
          {say("agent.skewText")}
        </Notice>
      )}
      <Section title={say("agent.facts")}>
        <FactList facts={facts} />
      </Section>
      <LabelEditor key={JSON.stringify(agent.labels)} agent={agent} />
      <Section title={say("agent.capabilities")}>
        <p className={classes.text}>
          {say(`speech.${speech}`)}. {say(`speechText.${speech}`)}
        </p>
        <ul className={classes.abilities}>
          {CAPABILITIES.map((capability) => {
            const able = agent.capabilities.includes(capability);
            return (
              <li key={capability} className={able ? undefined : "dim"}>
                <Mark tone={able ? "ok" : "unknown"} shape={able ? "tick" : "slash"} />
                {able
                  ? say(`capability.${capability}`)
                  : say("capability.not", { what: say(`capability.${capability}`) })}
              </li>
            );
          })}
        </ul>
      </Section>
      <RemoveAgent agent={agent} />
    </div>
  );
}

function Addresses({ addresses }: { addresses: readonly string[] }) {
  if (addresses.length === 0) return "–";
  return (
    <span className={classes.addresses}>
      {addresses.map((address) => (
        <CopyText key={address} text={address} />
      ))}
    </span>
  );
}

function RemoveAgent({ agent }: { agent: Agent }) {
  const { say } = useSpeech();
  const navigate = useNavigate();
  const queries = useQueryClient();
  const admin = useMay("admin");
  const [asking, setAsking] = useState(false);
  const remove = useMutation({
    mutationFn: () => client.agents.remove(agent.id),
    onSuccess: () => {
      void queries.invalidateQueries({ queryKey: ["agents"] });
      void navigate("/agents");
    },
  });
  if (!admin) return null;
  return (
    <Section title={say("agent.remove")}>
      <p className={classes.text}>{say("agent.removeText")}</p>
      <div>
        <Button variant="default" c="var(--m-wrong)" onClick={() => setAsking(true)}>
          {say("agent.remove")}
        </Button>
      </div>
      {asking && (
        <Confirm
          title={say("agent.removeTitle", { name: agent.name })}
          action={say("agent.remove")}
          type={{ what: agent.name, label: say("confirm.typeName", { name: agent.name }) }}
          error={remove.error}
          busy={remove.isPending}
          onConfirm={() => remove.mutate()}
          onClose={() => setAsking(false)}
        >
          {say("agent.removeText")}
        </Confirm>
      )}
    </Section>
  );
}
