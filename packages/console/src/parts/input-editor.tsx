import { Button, Tooltip } from "@mantine/core";
import type { InputWrite } from "@muster/core/resources";
import { useMutation } from "@tanstack/react-query";
import { type ReactNode, useMemo, useState } from "react";
import { client } from "../api/client.ts";
import { useSpeech } from "../i18n/language.tsx";
import { readFault } from "../logic/input-fault.ts";
import { Code } from "./code/code.tsx";
import classes from "./input-editor.module.css";
import { FaultNotice } from "./input-fault-notice.tsx";
import { TestOutput, Waiting } from "./input-test.tsx";
import { SAVE_KEY, useSaveKey } from "./use-save-key.ts";

/** The agent that a text is tried on, and whose refusals are told. */
export interface EditorAgent {
  readonly id: string;
  readonly name: string;
}

interface EditorSave {
  readonly label: string;
  readonly enabled: boolean;
  readonly busy: boolean;
  /** What it waits for while it is busy. */
  readonly waiting: string;
  readonly error: unknown;
  readonly run: () => void;
}

/** A configuration being written: tools above, mistakes in words and in their place, what a test collected below. */
export function InputEditor(props: {
  input: Pick<InputWrite, "input" | "inputType">;
  text: string;
  onText: (text: string) => void;
  save: EditorSave;
  /** Undefined where nobody can try it. */
  agent: EditorAgent | undefined;
  /** Named on the button where it is not obvious on whom the test runs. */
  namesTest?: boolean;
  children?: ReactNode;
}) {
  const { input, text, onText, save, agent, namesTest, children } = props;
  const { say } = useSpeech();
  const test = useMutation({
    mutationFn: (toml: string) => client.inputs.test(agent?.id ?? "", { ...input, toml }),
  });
  const [tried, setTried] = useState<"save" | "test">("save");
  const error = tried === "save" ? save.error : test.error;
  const fault = useMemo(() => (error ? readFault(error) : undefined), [error]);
  const [shown, setShown] = useState<{ fault: typeof fault }>();
  // a click on the place shows it again: the same fault in a new wrapper
  const marked = useMemo(() => (shown && shown.fault === fault && fault ? { ...fault } : fault), [shown, fault]);
  const busy = save.busy || test.isPending;
  const runSave = () => {
    if (!save.enabled || busy) return;
    setTried("save");
    save.run();
  };
  const runTest = () => {
    setTried("test");
    test.mutate(text);
  };
  useSaveKey(runSave);

  return (
    <>
      {fault && <FaultNotice fault={fault} agent={agent} show={() => setShown({ fault })} />}
      <div className={classes.tools}>
        <Button onClick={runSave} disabled={!save.enabled || test.isPending} loading={save.busy}>
          {save.label}
          <kbd className={classes.key}>{SAVE_KEY}</kbd>
        </Button>
        {agent && (
          <Tooltip label={say("inputs.testTip")}>
            <Button variant="default" onClick={runTest} disabled={save.busy} loading={test.isPending}>
              {namesTest ? say("inputs.testOn", { name: agent.name }) : say("inputs.test")}
            </Button>
          </Tooltip>
        )}
        {children}
        {save.busy && <Waiting text={save.waiting} />}
        {test.isPending && agent && <Waiting text={say("inputs.testing", { name: agent.name })} />}
      </div>
      <Code label={say("inputs.configOf", { input: input.input })} value={text} onChange={onText} fault={marked} />
      {tried === "test" && test.data !== undefined && <TestOutput output={test.data} close={() => test.reset()} />}
    </>
  );
}
