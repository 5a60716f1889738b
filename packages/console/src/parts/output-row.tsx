import type { CSSProperties } from "react";
import { useSpeech } from "../i18n/language.tsx";
import { type AnsiSpan, type AnsiStyle, toCssColor } from "../logic/ansi.ts";
import { seriesColorOf } from "../logic/host-color.ts";
import type { OutputLine } from "../logic/output-lines.ts";
import classes from "./output-view.module.css";

/** One line of output. Its words are only ever text nodes. */
export function OutputRow(props: {
  line: OutputLine;
  index: number;
  top: number;
  measure: ((element: Element | null) => void) | undefined;
  times: boolean;
  name?: string;
  wanted: string;
  current: boolean;
}) {
  const { line, index, top, measure, times, name, wanted, current } = props;
  const { say, format } = useSpeech();
  return (
    <div
      ref={measure}
      data-index={index}
      className={classes.line}
      data-stream={line.stream}
      data-current={current || undefined}
      style={{ transform: `translateY(${top}px)` }}
    >
      {times && <span className={classes.time}>{format.clock(line.at)}</span>}
      {name !== undefined && (
        <span className={classes.name} style={{ color: `var(--m-series-${seriesColorOf(line.runId)})` }} title={name}>
          {name}
        </span>
      )}
      <span className={classes.stream} title={line.stream}>
        {line.stream === "stderr" ? "!" : ""}
      </span>
      {line.cutBytes !== undefined ? (
        <span className={classes.cut}>{say("output.cut", { size: format.bytes(line.cutBytes) })}</span>
      ) : (
        <span className={classes.text} dir="ltr">
          {line.spans.map((span, position) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: spans have no identity but their place
            <Span key={position} span={span} wanted={wanted} />
          ))}
        </span>
      )}
    </div>
  );
}

function Span({ span, wanted }: { span: AnsiSpan; wanted: string }) {
  const style = toCss(span.style);
  if (wanted === "" || !span.text.toLowerCase().includes(wanted.toLowerCase())) {
    return <span style={style}>{span.text}</span>;
  }
  return <span style={style}>{markHits(span.text, wanted)}</span>;
}

function markHits(text: string, wanted: string): React.ReactNode[] {
  const lower = text.toLowerCase();
  const needle = wanted.toLowerCase();
  const parts: React.ReactNode[] = [];
  let from = 0;
  for (let at = lower.indexOf(needle); at !== -1; at = lower.indexOf(needle, from)) {
    parts.push(text.slice(from, at), <mark key={at}>{text.slice(at, at + needle.length)}</mark>);
    from = at + needle.length;
  }
  parts.push(text.slice(from));
  return parts;
}

function toCss(style: AnsiStyle): CSSProperties | undefined {
  if (Object.keys(style).length === 0) return undefined;
  const front = style.foreground && toCssColor(style.foreground);
  const back = style.background && toCssColor(style.background);
  const lines = [style.underline && "underline", style.strike && "line-through"].filter(Boolean).join(" ");
  const color = style.inverse ? (back ?? "var(--m-sunken)") : front;
  const backgroundColor = style.inverse ? (front ?? "var(--m-text)") : back;
  return {
    ...(color && { color }),
    ...(backgroundColor && { backgroundColor }),
    ...(style.bold && { fontWeight: 700 }),
    ...(style.dim && { opacity: 0.7 }),
    ...(style.italic && { fontStyle: "italic" }),
    ...(lines && { textDecoration: lines }),
  };
}
