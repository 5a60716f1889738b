import { ActionIcon, Tooltip, UnstyledButton } from "@mantine/core";
import { IconCheck, IconCopy } from "@tabler/icons-react";
import { useSpeech } from "../i18n/language.tsx";
import classes from "./copy.module.css";
import { useCopy } from "./use-copy.ts";

/** A text that is copied with one click: ids, digests. */
export function CopyText({ text, shown = text }: { text: string; shown?: string }) {
  const { say } = useSpeech();
  const clipboard = useCopy();
  return (
    <Tooltip label={clipboard.copied ? say("copy.done") : text}>
      <UnstyledButton
        className={`${classes.text} mono foreign`}
        onClick={(event) => {
          event.preventDefault();
          event.stopPropagation();
          clipboard.copy(text);
        }}
        aria-label={`${say("copy.copy")} ${text}`}
      >
        {shown}
        {clipboard.copied ? <IconCheck size={13} /> : <IconCopy size={13} />}
      </UnstyledButton>
    </Tooltip>
  );
}

/** A line to run somewhere else, whole and ready to copy. */
export function CopyLine({ text, label }: { text: string; label: string }) {
  const { say } = useSpeech();
  const clipboard = useCopy();
  return (
    <div className={classes.line}>
      <code className="foreign">{text}</code>
      <Tooltip label={clipboard.copied ? say("copy.done") : say("copy.copy")}>
        <ActionIcon onClick={() => clipboard.copy(text)} aria-label={`${say("copy.copy")}: ${label}`} variant="default">
          {clipboard.copied ? <IconCheck size={16} /> : <IconCopy size={16} />}
        </ActionIcon>
      </Tooltip>
    </div>
  );
}
