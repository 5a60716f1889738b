import { Button } from "@mantine/core";
import { useEffect, useState } from "react";
import { useSpeech } from "../i18n/language.tsx";
import classes from "./input-editor.module.css";
import { Mark } from "./mark.tsx";

/** After so long one wants to know how long it has been. */
const NOTICEABLE_MS = 1500;

/** What is waited for, and since when. */
export function Waiting({ text }: { text: string }) {
  const { say, format } = useSpeech();
  const [waitedMs, setWaitedMs] = useState(0);
  useEffect(() => {
    const start = performance.now();
    const timer = setInterval(() => setWaitedMs(performance.now() - start), 500);
    return () => clearInterval(timer);
  }, []);
  return (
    <span className={classes.waiting} role="status">
      <span className={classes.line} aria-hidden="true" />
      <span className="foreign">{text}</span>
      {waitedMs > NOTICEABLE_MS && (
        <span className="figures">{say("inputs.waited", { span: format.duration(waitedMs) })}</span>
      )}
    </span>
  );
}

/** Line protocol that one run of a collector gave. */
export function TestOutput({ output, close }: { output: string; close: () => void }) {
  const { say } = useSpeech();
  const count = output.split("\n").filter((line) => line.trim() !== "").length;
  return (
    <section className={classes.test} aria-label={say("inputs.testOutput")}>
      <header className={classes.testHead}>
        <Mark tone={count > 0 ? "ok" : "attention"} shape={count > 0 ? "tick" : "triangle"} />
        <span role="status">{count > 0 ? say("inputs.collected", { count }) : say("inputs.collectedNothing")}</span>
        <Button variant="subtle" color="gray" size="compact-sm" onClick={close}>
          {say("inputs.closeTest")}
        </Button>
      </header>
      {count > 0 && (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
        <pre className={classes.points} tabIndex={0} dir="ltr">
          {output}
        </pre>
      )}
    </section>
  );
}
