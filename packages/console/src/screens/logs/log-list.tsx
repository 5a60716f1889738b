import { UnstyledButton } from "@mantine/core";
import { useVirtualizer } from "@tanstack/react-virtual";
import { type ReactNode, useEffect, useRef, useState } from "react";
import { useNow } from "../../api/clock.tsx";
import { useSpeech } from "../../i18n/language.tsx";
import { LogRow } from "./log-row.tsx";
import classes from "./logs.module.css";
import type { RecordFeed } from "./use-records.ts";

const ROW_PX = 28;
/** Rows from the end of what is loaded at which more is asked for. */
const AHEAD = 40;
/** Nearer to the top than this is at the top. */
const TOP_PX = 8;

/**
 * Records, newest first; only those on screen exist. What arrives pushes nothing away from somebody who reads further
 * down: it waits above, with its count.
 */
export function LogList({ feed, wanted, empty }: { feed: RecordFeed; wanted: string; empty: ReactNode }) {
  const { say } = useSpeech();
  const today = new Date(useNow(60_000)).toDateString();
  const scroll = useRef<HTMLElement>(null);
  const [open, setOpen] = useState<ReadonlySet<string>>(new Set());
  // how many had arrived when the reader left the top
  const [held, setHeld] = useState<number>();
  const waiting = held === undefined ? 0 : Math.max(0, feed.arrived - held);
  const rows = feed.rows?.slice(waiting);
  const count = rows?.length ?? 0;
  const virtual = useVirtualizer({
    count,
    getScrollElement: () => scroll.current,
    estimateSize: () => ROW_PX,
    getItemKey: (index) => rows?.[index]?.id ?? index,
    overscan: 20,
  });
  const items = virtual.getVirtualItems();
  const last = items.at(-1)?.index ?? -1;
  const { hasMore, isReading, loadMore } = feed;
  useEffect(() => {
    if (hasMore && !isReading && last >= count - AHEAD) loadMore();
  }, [hasMore, isReading, last, count, loadMore]);
  const toggle = (id: string) =>
    setOpen((old) => {
      const next = new Set(old);
      if (!next.delete(id)) next.add(id);
      return next;
    });
  return (
    <div className={classes.list}>
      <section
        ref={scroll}
        className={classes.scroll}
        aria-label={say("frame.logs")}
        aria-busy={feed.rows === undefined}
        onScroll={() => {
          const atTop = (scroll.current?.scrollTop ?? 0) < TOP_PX;
          if (atTop !== (held === undefined)) setHeld(atTop ? undefined : feed.arrived);
        }}
      >
        {rows === undefined && <Skeleton />}
        {feed.rows?.length === 0 && !hasMore && empty}
        <div className={classes.sheet} style={{ height: virtual.getTotalSize() }}>
          {items.map((item) => {
            const record = rows?.[item.index];
            return (
              record && (
                <LogRow
                  key={item.key}
                  record={record}
                  index={item.index}
                  top={item.start}
                  measure={virtual.measureElement}
                  isOpen={open.has(record.id)}
                  toggle={toggle}
                  wanted={wanted}
                  today={today}
                />
              )
            );
          })}
        </div>
      </section>
      {waiting > 0 && (
        <UnstyledButton className={classes.waiting} onClick={() => scroll.current?.scrollTo({ top: 0 })}>
          {say("logs.waiting", { count: waiting })}
        </UnstyledButton>
      )}
      <footer className={`${classes.footer} figures`}>
        {rows && (hasMore ? say("logs.loaded", { count }) : say("logs.all", { count }))}
        {hasMore && isReading && <span>{say("logs.reading")}</span>}
        {feed.isCut && (
          <UnstyledButton fz="xs" c="var(--m-accent)" onClick={feed.reload}>
            {say("logs.cut")}
          </UnstyledButton>
        )}
      </footer>
    </div>
  );
}

function Skeleton() {
  const rows = Array.from({ length: 16 }, (_, index) => index);
  return (
    <div aria-hidden="true">
      {rows.map((index) => (
        <div key={index} className={classes.skeleton}>
          <span style={{ width: `${30 + ((index * 37) % 55)}%` }} />
        </div>
      ))}
    </div>
  );
}
