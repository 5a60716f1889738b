import { useDebouncedValue } from "@mantine/hooks";
import { IconSearch } from "@tabler/icons-react";
import { useState } from "react";
import { useNavigate } from "react-router";
import { useSpeech } from "../i18n/language.tsx";
import classes from "./palette.module.css";
import { type PaletteEntry, usePaletteEntries } from "./palette-entries.tsx";

/**
 * ⌘K: one box that finds agents, commands, screens and actions. The browser's own dialog, since it is there at once: the
 * letter typed right after the shortcut lands in it.
 */
export function Palette({ close, showShortcuts }: { close: () => void; showShortcuts: () => void }) {
  const { say } = useSpeech();
  const navigate = useNavigate();
  const [text, setText] = useState("");
  const [cursor, setCursor] = useState(0);
  const [asked] = useDebouncedValue(text, 150);
  const entries = usePaletteEntries(text, asked, showShortcuts);
  const active = Math.min(cursor, entries.length - 1);
  const choose = (entry: PaletteEntry | undefined) => {
    if (!entry) return;
    close();
    if (entry.to !== undefined) void navigate(entry.to);
    entry.act?.();
  };
  const onKeyDown = (event: React.KeyboardEvent) => {
    const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    if (step !== 0 && entries.length > 0) {
      event.preventDefault();
      setCursor((active + step + entries.length) % entries.length);
    }
    if (event.key === "Enter") choose(entries[active]);
  };
  return (
    <dialog
      className={classes.box}
      aria-label={say("frame.search")}
      ref={(element) => {
        if (element && !element.open) element.showModal();
      }}
      onCancel={close}
      onClose={close}
      onMouseDown={(event) => {
        // what is hit outside the box is the dialog itself
        if (event.target === event.currentTarget) close();
      }}
    >
      <div className={classes.input}>
        <IconSearch size={18} stroke={1.6} />
        <input
          autoFocus
          value={text}
          placeholder={say("palette.placeholder")}
          aria-label={say("palette.placeholder")}
          role="combobox"
          aria-expanded
          aria-controls="palette-list"
          aria-activedescendant={entries[active] ? `palette-${active}` : undefined}
          onChange={(event) => {
            setText(event.currentTarget.value);
            setCursor(0);
          }}
          onKeyDown={onKeyDown}
        />
      </div>
      <div className={classes.list} id="palette-list" role="listbox" aria-label={say("frame.search")}>
        {entries.length === 0 && <p className={classes.none}>{say("palette.none")}</p>}
        {entries.map((entry, index) => (
          <PaletteRow
            key={entry.key}
            entry={entry}
            index={index}
            active={index === active}
            head={entry.section !== entries[index - 1]?.section}
            choose={() => choose(entry)}
            hover={() => setCursor(index)}
          />
        ))}
      </div>
    </dialog>
  );
}

function PaletteRow(props: {
  entry: PaletteEntry;
  index: number;
  active: boolean;
  head: boolean;
  choose: () => void;
  hover: () => void;
}) {
  const { entry, index, active, head, choose, hover } = props;
  return (
    <>
      {head && <div className={classes.section}>{entry.section}</div>}
      {/* biome-ignore lint/a11y/useKeyWithClickEvents: the keys of the list are handled by its box above */}
      <div
        id={`palette-${index}`}
        role="option"
        tabIndex={-1}
        aria-selected={active}
        className={`${classes.entry} ${active ? classes.active : ""}`}
        ref={(element) => {
          if (active) element?.scrollIntoView({ block: "nearest" });
        }}
        onClick={choose}
        onMouseMove={hover}
      >
        <span className={classes.icon}>{entry.icon}</span>
        <span className="cut foreign">{entry.label}</span>
        {entry.hint && <span className={`${classes.hint} cut`}>{entry.hint}</span>}
      </div>
    </>
  );
}
