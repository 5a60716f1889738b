import { ActionIcon, Switch, TextInput, Tooltip } from "@mantine/core";
import { IconChevronDown, IconChevronUp, IconDownload, IconSearch } from "@tabler/icons-react";
import { useSpeech } from "../i18n/language.tsx";
import classes from "./output-view.module.css";

/** How output is shown. */
export interface OutputSwitches {
  readonly follow: boolean;
  readonly wrap: boolean;
  readonly times: boolean;
}

/** The line above output: search, switches, download. */
export function OutputTools(props: {
  switches: OutputSwitches;
  onSwitches: (switches: OutputSwitches) => void;
  growing: boolean;
  wanted: string;
  onWanted: (text: string) => void;
  hits: number;
  position: number | undefined;
  goTo: (direction: 1 | -1) => void;
  download: () => void;
  lineCount: number;
  /** Without search: for short outputs beside each other. */
  brief: boolean;
}) {
  const { switches, onSwitches, growing, wanted, onWanted, hits, position, goTo, download, lineCount, brief } = props;
  const { say } = useSpeech();
  const flip = (name: keyof OutputSwitches) => () => onSwitches({ ...switches, [name]: !switches[name] });
  return (
    <div className={classes.tools}>
      {!brief && (
        <TextInput
          size="xs"
          className={classes.search}
          value={wanted}
          placeholder={say("output.search")}
          aria-label={say("output.search")}
          leftSection={<IconSearch size={14} />}
          onChange={(event) => onWanted(event.currentTarget.value)}
          onKeyDown={(event) => {
            if (event.key === "Enter") goTo(event.shiftKey ? -1 : 1);
          }}
        />
      )}
      {wanted !== "" && (
        <span className={`${classes.hits} figures`}>
          {position === undefined ? say("output.hits", { count: hits }) : `${position} / ${hits}`}
          <ActionIcon size="sm" onClick={() => goTo(-1)} aria-label={say("output.previous")}>
            <IconChevronUp size={14} />
          </ActionIcon>
          <ActionIcon size="sm" onClick={() => goTo(1)} aria-label={say("output.next")}>
            <IconChevronDown size={14} />
          </ActionIcon>
        </span>
      )}
      <span className={`${classes.count} figures`}>{say("output.lines", { count: lineCount })}</span>
      {growing && <Switch size="xs" label={say("output.follow")} checked={switches.follow} onChange={flip("follow")} />}
      <Switch size="xs" label={say("output.wrap")} checked={switches.wrap} onChange={flip("wrap")} />
      <Switch size="xs" label={say("output.times")} checked={switches.times} onChange={flip("times")} />
      <Tooltip label={say("output.download")}>
        <ActionIcon onClick={download} aria-label={say("output.download")} disabled={lineCount === 0}>
          <IconDownload size={16} stroke={1.6} />
        </ActionIcon>
      </Tooltip>
    </div>
  );
}
