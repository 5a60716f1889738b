import type { RecordItem } from "@muster/core/resources";
import { memo } from "react";
import { Link } from "react-router";
import { useSpeech } from "../../i18n/language.tsx";
import type { Format } from "../../logic/format.ts";
import { toneOfStatus } from "../../logic/record-filter.ts";
import { CopyText } from "../../parts/copy.tsx";
import { FactList } from "../../parts/fact-list.tsx";
import { Mark, type Shape } from "../../parts/mark.tsx";
import classes from "./logs.module.css";

const SHAPES: Readonly<Record<ReturnType<typeof toneOfStatus>, Shape>> = {
  wrong: "cross",
  attention: "triangle",
  ok: "tick",
  unknown: "ring",
};

interface RowProps {
  record: RecordItem;
  index: number;
  top: number;
  measure: (element: Element | null) => void;
  isOpen: boolean;
  toggle: (id: string) => void;
  wanted: string;
  /** As `Date.toDateString` says it. */
  today: string;
}

/** One record on one line; opened, everything that is in it. Its words are only ever text nodes. */
export const LogRow = memo(function LogRow(props: RowProps) {
  const { record, index, top, measure, isOpen, toggle, wanted, today } = props;
  const { say, format } = useSpeech();
  const [line = "", ...more] = record.message.trim().split("\n");
  const tone = record.status === null ? undefined : toneOfStatus(record.status);
  return (
    <div
      ref={measure}
      data-index={index}
      className={classes.record}
      data-open={isOpen || undefined}
      style={{ transform: `translateY(${top}px)` }}
    >
      <button type="button" className={classes.row} aria-expanded={isOpen} onClick={() => toggle(record.id)}>
        <time className={classes.time} dateTime={record.at} title={format.instant(record.at)}>
          {shortTime(record.at, today, format)}
        </time>
        <span className={classes.status} data-tone={tone}>
          {tone && <Mark tone={tone} shape={SHAPES[tone]} size={10} />}
          <span className="cut">{record.status}</span>
        </span>
        <span className={`${classes.source} cut foreign`}>{record.measurement}</span>
        <span className={`${classes.host} cut foreign`}>{record.agentName}</span>
        <span className={`${classes.message} cut`} dir="ltr">
          {line === "" ? <span className="dim">{say("logs.noMessage")}</span> : <Marked text={line} wanted={wanted} />}
          {more.length > 0 && <span className="dim"> …</span>}
        </span>
      </button>
      {isOpen && <Details record={record} wanted={wanted} />}
    </div>
  );
});

function Details({ record, wanted }: { record: RecordItem; wanted: string }) {
  const { say, format } = useSpeech();
  const pairs = [
    ...Object.entries(record.tags),
    ...Object.entries(record.fields).filter(([name]) => name !== "message"),
  ];
  const facts = [
    {
      name: say("bulk.agent"),
      value: (
        <Link className="link foreign" to={`/agents/${encodeURIComponent(record.agentId)}`}>
          {record.agentName}
        </Link>
      ),
    },
    { name: say("logs.at"), value: <span className="figures">{format.instant(record.at)}</span> },
    { name: say("logs.source"), value: <span className="foreign">{record.measurement}</span> },
    ...pairs.map(([name, value]) => ({
      name,
      value: <span className="mono foreign">{typeof value === "string" ? value : JSON.stringify(value)}</span>,
    })),
    { name: say("inputs.id"), value: <CopyText text={record.id} /> },
  ];
  return (
    <div className={classes.details}>
      {record.message !== "" && (
        <pre className={classes.whole} dir="ltr">
          <Marked text={record.message} wanted={wanted} />
        </pre>
      )}
      <FactList facts={facts} />
    </div>
  );
}

/** The time of day; of another day the day as well, since then nobody looks for milliseconds. */
function shortTime(at: string, today: string, format: Format): string {
  const date = new Date(at);
  if (date.toDateString() === today) return format.clock(at);
  const midnight = new Date(date).setHours(0, 0, 0, 0);
  return `${format.tick(midnight)} ${format.clock(at).slice(0, 5)}`;
}

/** What was looked for, marked where it stands. */
function Marked({ text, wanted }: { text: string; wanted: string }) {
  if (wanted === "") return text;
  const lower = text.toLowerCase();
  const needle = wanted.toLowerCase();
  const parts: React.ReactNode[] = [];
  let from = 0;
  for (let at = lower.indexOf(needle); at !== -1 && parts.length < 200; at = lower.indexOf(needle, from)) {
    parts.push(text.slice(from, at), <mark key={at}>{text.slice(at, at + needle.length)}</mark>);
    from = at + needle.length;
  }
  parts.push(text.slice(from));
  return parts;
}
