import { Button } from "@mantine/core";
import type { ConfigFormat } from "@muster/core/resources";
import { type ReactNode, useDeferredValue, useMemo, useState } from "react";
import { useSpeech } from "../i18n/language.tsx";
import { type ConfigFlaw, checkConfig, listVariables } from "../logic/config-check.ts";
import { readFault } from "../logic/input-fault.ts";
import { Code } from "./code/code.tsx";
import classes from "./config-editor.module.css";
import tools from "./input-editor.module.css";
import { FaultNotice } from "./input-fault-notice.tsx";
import { Mark } from "./mark.tsx";
import { SAVE_KEY, useSaveKey } from "./use-save-key.ts";

/** What may be asked for. */
const EXAMPLES = ["label.KEY", "secret.NAME", "agent.name"].map((name) => `\${${name}}`).join(", ");

/** A config being written: flaws are marked as they are made, what the server refuses is told above. */
export function ConfigEditor(props: {
  name: string;
  format: ConfigFormat;
  text: string;
  onText: (text: string) => void;
  save: { label: string; enabled: boolean; busy: boolean; error: unknown; run: () => void };
  children?: ReactNode;
}) {
  const { name, format, text, onText, save, children } = props;
  const { say } = useSpeech();
  const wordsOf = useFlawWords();
  const settled = useDeferredValue(text);
  const flaw = useMemo(() => checkConfig(format, settled), [format, settled]);
  const fault = useMemo(() => (save.error ? readFault(save.error) : undefined), [save.error]);
  const [shown, setShown] = useState<{ fault: typeof fault }>();
  // a click on the place shows it again: the same fault in a new wrapper
  const marked = useMemo(() => (shown && shown.fault === fault && fault ? { ...fault } : fault), [shown, fault]);
  const run = () => {
    if (save.enabled && !save.busy) save.run();
  };
  useSaveKey(run);
  return (
    <>
      {fault && <FaultNotice fault={fault} agent={undefined} show={() => setShown({ fault })} />}
      <div className={tools.tools}>
        <Button onClick={run} disabled={!save.enabled} loading={save.busy}>
          {save.label}
          <kbd className={tools.key}>{SAVE_KEY}</kbd>
        </Button>
        {children}
      </div>
      <Code
        label={say("inputs.configOf", { input: name })}
        value={text}
        format={format}
        onChange={onText}
        fault={marked}
        check={(written) => {
          const found = checkConfig(format, written);
          return found && { ...found, message: wordsOf(found) };
        }}
      />
      <div className={classes.status}>
        {flaw ? (
          <span className={classes.flaw}>
            <Mark tone="attention" shape="triangle" />
            {say("inputs.faultAt", { line: flaw.line, column: flaw.column })}: {wordsOf(flaw)}
          </span>
        ) : (
          format !== "text" && <span className="dim">{format.toUpperCase()}</span>
        )}
        <Variables text={settled} />
      </div>
    </>
  );
}

/** What the text asks for of every agent. */
function Variables({ text }: { text: string }) {
  const { say } = useSpeech();
  const variables = useMemo(() => listVariables(text), [text]);
  if (variables.length === 0)
    return <span className="dim">{say("configs.variablesHint", { variables: EXAMPLES })}</span>;
  return (
    <span className="dim">
      {say("configs.asksFor")}{" "}
      {variables.map((variable) => (
        <code key={variable} className={`${classes.variable} mono foreign`}>
          {variable}
        </code>
      ))}
    </span>
  );
}

function useFlawWords(): (flaw: ConfigFlaw) => string {
  const { say } = useSpeech();
  return ({ kind, found }) => {
    if (kind === "json") return found === "" ? say("configFlaw.jsonEnd") : say("configFlaw.json", { found });
    if (kind === "variable") return say("configFlaw.variable", { found });
    return say(kind === "tab" ? "configFlaw.tab" : "configFlaw.size");
  };
}
