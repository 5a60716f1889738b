import { Button } from "@mantine/core";
import { toMusterError } from "@muster/core";
import type { ReactNode } from "react";
import { useSpeech } from "../i18n/language.tsx";
import { CopyText } from "./copy.tsx";
import { Mark, type Shape, type Tone } from "./mark.tsx";
import classes from "./notice.module.css";

const SHAPES: Readonly<Record<Tone, Shape>> = {
  ok: "tick",
  attention: "triangle",
  wrong: "cross",
  unknown: "question",
  accent: "disc",
};

/** Something the reader should know, in the page and not over it. */
export function Notice({ tone, title, children }: { tone: Tone; title: ReactNode; children?: ReactNode }) {
  return (
    <div className={classes.notice} data-tone={tone} role={tone === "wrong" ? "alert" : "note"}>
      <span className={classes.mark}>
        <Mark tone={tone} shape={SHAPES[tone]} size={14} />
      </span>
      <div className={classes.words}>
        <div className={classes.title}>{title}</div>
        {children && <div className={classes.text}>{children}</div>}
      </div>
    </div>
  );
}

/** What happened, why, and what to try. */
export function ErrorNotice({ error, retry }: { error: unknown; retry?: () => void }) {
  const { say } = useSpeech();
  const { code, message, details } = toMusterError(error);
  const errorId = typeof details.errorId === "string" ? details.errorId : undefined;
  return (
    <Notice tone="wrong" title={say(`error.${code}`)}>
      <p className="foreign">{message}</p>
      <p>{say(`errorTry.${code}`)}</p>
      {errorId && (
        <p>
          {say("error.id")} <CopyText text={errorId} />
        </p>
      )}
      {retry && (
        <Button variant="default" size="xs" onClick={retry}>
          {say("error.retry")}
        </Button>
      )}
    </Notice>
  );
}
