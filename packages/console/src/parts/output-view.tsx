import { useVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useMemo, useRef, useState } from "react";
import { useSpeech } from "../i18n/language.tsx";
import { findLines, nextHit, toPlainText } from "../logic/find-lines.ts";
import type { OutputLine } from "../logic/output-lines.ts";
import { OutputRow } from "./output-row.tsx";
import { type OutputSwitches, OutputTools } from "./output-tools.tsx";
import classes from "./output-view.module.css";

interface OutputViewProps {
  readonly lines: readonly OutputLine[];
  readonly forgotten?: number;
  /** True while more may come: the end is followed. */
  readonly growing?: boolean;
  /** For many hosts: who wrote a line. */
  readonly nameOf?: (runId: string) => string | undefined;
  readonly fileName: string;
  /** Instead of lines when there are none. */
  readonly empty: string;
  /** As high as its lines, up to a limit, instead of filling the place. */
  readonly compact?: boolean;
}

const LINE_PX = 20;
const COMPACT_LINES = 16;

/** What runs wrote: coloured, searchable, followed while it grows. Only the lines on screen exist. */
export function OutputView(props: OutputViewProps) {
  const { lines, forgotten = 0, growing = false, nameOf, fileName, empty, compact = false } = props;
  const { say } = useSpeech();
  const scroll = useRef<HTMLDivElement>(null);
  const [switches, setSwitches] = useState<OutputSwitches>({ follow: true, wrap: false, times: false });
  const [wanted, setWanted] = useState("");
  const [hit, setHit] = useState<number>();
  const hits = useMemo(() => findLines(lines, wanted), [lines, wanted]);
  const virtual = useVirtualizer({
    count: lines.length,
    getScrollElement: () => scroll.current,
    estimateSize: () => LINE_PX,
    getItemKey: (index) => lines[index]?.number ?? index,
    overscan: 20,
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: a measured height belongs to a way of wrapping
  useEffect(() => virtual.measure(), [switches.wrap, virtual]);
  useEffect(() => {
    if (growing && switches.follow && lines.length > 0) virtual.scrollToIndex(lines.length - 1, { align: "end" });
  }, [growing, switches.follow, lines.length, virtual]);

  const goTo = (direction: 1 | -1) => {
    const next = nextHit(hits, hit, direction);
    if (next === undefined) return;
    setHit(next);
    setSwitches((old) => ({ ...old, follow: false }));
    virtual.scrollToIndex(next, { align: "center" });
  };
  const onScroll = () => {
    const element = scroll.current;
    if (!element || !growing) return;
    const atEnd = element.scrollHeight - element.scrollTop - element.clientHeight < LINE_PX * 2;
    // reading further up means: hold still
    if (!atEnd && switches.follow && element.matches(":hover")) setSwitches((old) => ({ ...old, follow: false }));
  };

  return (
    <div className={classes.view} data-compact={compact || undefined}>
      <OutputTools
        switches={switches}
        onSwitches={setSwitches}
        growing={growing}
        wanted={wanted}
        onWanted={(text) => {
          setWanted(text);
          setHit(undefined);
        }}
        hits={hits.length}
        position={hit === undefined ? undefined : hits.indexOf(hit) + 1}
        goTo={goTo}
        download={() => saveText(fileName, toPlainText(lines, nameOf))}
        lineCount={lines.length + forgotten}
        brief={compact && lines.length <= COMPACT_LINES}
      />
      <section
        className={classes.lines}
        ref={scroll}
        onScroll={onScroll}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
        tabIndex={0}
        aria-label={say("output.label")}
        data-wrap={switches.wrap || undefined}
        style={compact ? { height: Math.min(Math.max(lines.length, 1), COMPACT_LINES) * LINE_PX + 16 } : undefined}
      >
        {forgotten > 0 && <div className={classes.forgotten}>{say("output.forgotten", { count: forgotten })}</div>}
        {lines.length === 0 && <div className={classes.none}>{empty}</div>}
        <div className={classes.sheet} style={{ height: virtual.getTotalSize() }}>
          {virtual.getVirtualItems().map((item) => {
            const line = lines[item.index];
            if (!line) return null;
            return (
              <OutputRow
                key={item.key}
                line={line}
                index={item.index}
                top={item.start}
                measure={switches.wrap ? virtual.measureElement : undefined}
                times={switches.times}
                {...(nameOf && { name: nameOf(line.runId) ?? line.runId })}
                wanted={wanted}
                current={item.index === hit}
              />
            );
          })}
        </div>
      </section>
    </div>
  );
}

/** Hands a text to the browser as a file. */
function saveText(name: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: "text/plain;charset=utf-8" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  URL.revokeObjectURL(url);
}
