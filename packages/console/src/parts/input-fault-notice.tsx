import { Button } from "@mantine/core";
import { Link } from "react-router";
import { useSpeech } from "../i18n/language.tsx";
import type { InputFault } from "../logic/input-fault.ts";
import { pathOfInput } from "../logic/input-list.ts";
import type { EditorAgent } from "./input-editor.tsx";
import { Notice } from "./notice.tsx";

/** Why a text was not taken: the place first, then the reason as the agent gave it, then what to try. */
export function FaultNotice(props: { fault: InputFault; agent: EditorAgent | undefined; show: () => void }) {
  const { fault, agent, show } = props;
  const { say } = useSpeech();
  const { line, twinId } = fault;
  return (
    <Notice tone={fault.isUnknown ? "attention" : "wrong"} title={<Title fault={fault} agent={agent} />}>
      <p className="foreign">{fault.message}</p>
      {fault.isUnknown && <p>{say("inputs.faultUnknownText")}</p>}
      {fault.code === "permission_denied" && <p>{say("errorTry.permission_denied")}</p>}
      {line !== undefined && (
        <Button variant="default" size="xs" onClick={show}>
          {say("inputs.goToLine", { line })}
        </Button>
      )}
      {twinId !== undefined && agent && (
        <Button variant="default" size="xs" component={Link} to={pathOfInput(agent.id, twinId)}>
          {say("inputs.showTwin")}
        </Button>
      )}
    </Notice>
  );
}

function Title({ fault, agent }: { fault: InputFault; agent: EditorAgent | undefined }) {
  const { say } = useSpeech();
  const { line, column, reason } = fault;
  if (line !== undefined) {
    return column === undefined ? say("inputs.faultAtLine", { line }) : say("inputs.faultAt", { line, column });
  }
  if (fault.isUnknown) return say("inputs.faultUnknown");
  if (!agent) return say("inputs.faultServer");
  const { name } = agent;
  if (reason === "offline") return say("inputs.faultOffline", { name });
  if (fault.twinId !== undefined) return say("inputs.faultTwin", { name });
  return reason === undefined ? say(`error.${fault.code}`) : say("inputs.faultPlain", { name });
}
