import { Button, Group, Popover, SegmentedControl, TextInput, Tooltip } from "@mantine/core";
import { IconCalendar, IconZoomOut } from "@tabler/icons-react";
import { useState } from "react";
import { useServerClock } from "../api/clock.tsx";
import { useSpeech } from "../i18n/language.tsx";
import { customRange, PRESETS, resolveTimeRange, type TimeRange, widen } from "../logic/time-range.ts";
import classes from "./time-picker.module.css";

/** The one place of a page that says which span of time it shows. */
export function TimePicker({ range, onChange }: { range: TimeRange; onChange: (range: TimeRange) => void }) {
  const { say, format } = useSpeech();
  const clock = useServerClock();
  const [open, setOpen] = useState(false);
  const custom = range.kind === "custom";
  const label = custom ? `${format.instant(range.from)} – ${format.instant(range.to)}` : say("time.custom");
  return (
    <div className={classes.picker}>
      <SegmentedControl
        size="xs"
        value={range.kind === "preset" ? range.preset : ""}
        onChange={(value) => {
          const preset = PRESETS.find((candidate) => candidate === value);
          if (preset) onChange({ kind: "preset", preset });
        }}
        data={PRESETS.map((preset) => ({ value: preset, label: say(`time.${preset}`) }))}
      />
      <Popover opened={open} onChange={setOpen} position="bottom-end" trapFocus>
        <Popover.Target>
          <Button
            size="xs"
            variant={custom ? "light" : "default"}
            leftSection={<IconCalendar size={14} />}
            onClick={() => setOpen(!open)}
          >
            <span className="cut">{label}</span>
          </Button>
        </Popover.Target>
        <Popover.Dropdown className={classes.dropdown}>
          <CustomSpan
            initial={resolveTimeRange(range, clock())}
            onApply={(next) => {
              onChange(next);
              setOpen(false);
            }}
          />
        </Popover.Dropdown>
      </Popover>
      <Tooltip label={say("time.widen")}>
        <Button
          size="xs"
          variant="default"
          px={8}
          aria-label={say("time.widen")}
          onClick={() => onChange(widen(range, clock()))}
        >
          <IconZoomOut size={14} />
        </Button>
      </Tooltip>
    </div>
  );
}

function CustomSpan(props: { initial: { from: number; to: number }; onApply: (range: TimeRange) => void }) {
  const { say } = useSpeech();
  const [from, setFrom] = useState(toLocalInput(props.initial.from));
  const [to, setTo] = useState(toLocalInput(props.initial.to));
  const start = new Date(from).getTime();
  const end = new Date(to).getTime();
  const valid = end > start;
  return (
    <form
      className={classes.span}
      onSubmit={(event) => {
        event.preventDefault();
        if (valid) props.onApply(customRange(start, end));
      }}
    >
      <TextInput
        type="datetime-local"
        label={say("time.from")}
        value={from}
        onChange={(event) => setFrom(event.currentTarget.value)}
        step={1}
      />
      <TextInput
        type="datetime-local"
        label={say("time.to")}
        value={to}
        error={valid ? undefined : say("time.backwards")}
        onChange={(event) => setTo(event.currentTarget.value)}
        step={1}
      />
      <Group justify="flex-end">
        <Button type="submit" disabled={!valid}>
          {say("time.show")}
        </Button>
      </Group>
    </form>
  );
}

/** What `<input type="datetime-local">` wants: the viewer's own zone without saying so. */
function toLocalInput(at: number): string {
  const date = new Date(at);
  return new Date(at - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 19);
}
