import { useMediaQuery } from "@mantine/hooks";
import { useVirtualizer } from "@tanstack/react-virtual";
import { type ReactNode, useEffect, useEffectEvent, useMemo, useRef, useState } from "react";
import { useNavigate } from "react-router";
import { useSpeech } from "../i18n/language.tsx";
import type { Selection } from "../logic/selection.ts";
import classes from "./data-table.module.css";
import { TableHead } from "./table-head.tsx";
import { useTableKeys } from "./table-keys.ts";
import { TableRow } from "./table-row.tsx";

/** One column. `width` is a track of a CSS grid; below `hideBelow` pixels of window width the column is left out. */
export interface Column<Row> {
  readonly id: string;
  readonly title: string;
  readonly width: string;
  readonly cell: (row: Row) => ReactNode;
  readonly align?: "end";
  readonly hideBelow?: number;
  /** What `onSort` gets for rising and for falling order. */
  readonly sort?: readonly [up: string, down: string];
}

export interface DataTableProps<Row> {
  readonly label: string;
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[] | undefined;
  readonly rowKey: (row: Row) => string;
  readonly rowLink?: (row: Row) => string | undefined;
  readonly hasMore?: boolean;
  readonly loadMore?: () => void;
  readonly sort?: string;
  readonly onSort?: (sort: string) => void;
  readonly selection?: Selection;
  readonly onSelection?: (selection: Selection) => void;
  /** The keys of the rows on screen, once they have been there for a moment. */
  readonly onVisible?: (keys: readonly string[]) => void;
  readonly empty: ReactNode;
  readonly footer?: ReactNode;
  readonly rowHeight?: number;
}

const HEAD_PX = 34;
const SKELETON_ROWS = 14;
/** Rows from the end of what is loaded at which more is asked for. */
const AHEAD = 40;

/**
 * A table that stays smooth with any number of rows: only those on screen exist. Rows are told apart by key, moved
 * through with the arrows, picked with x or space, opened with Enter.
 */
export function DataTable<Row>(props: DataTableProps<Row>) {
  const { rows, columns, rowKey, label, empty, footer, rowHeight = 36, hasMore = false, loadMore } = props;
  const { say } = useSpeech();
  const navigate = useNavigate();
  const scroll = useRef<HTMLDivElement>(null);
  const phone = useMediaQuery("(max-width: 600px)", undefined, { getInitialValueInEffect: false });
  const shown = useShownColumns(columns);
  const [cursor, setCursor] = useState(-1);
  const height = phone ? Math.max(rowHeight, 48) : rowHeight;
  const count = rows?.length ?? 0;
  const virtual = useVirtualizer({
    count: count + (hasMore ? 8 : 0),
    getScrollElement: () => scroll.current,
    estimateSize: () => height,
    overscan: 12,
    scrollPaddingStart: HEAD_PX,
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: rows are measured anew when their height changes
  useEffect(() => virtual.measure(), [height, virtual]);
  const items = virtual.getVirtualItems();
  const lastIndex = items.at(-1)?.index ?? 0;
  useEffect(() => {
    if (hasMore && lastIndex >= count - AHEAD) loadMore?.();
  }, [hasMore, lastIndex, count, loadMore]);
  useReportVisible(
    props,
    items.map((item) => item.index),
  );
  const onKeyDown = useTableKeys(props, {
    cursor,
    perPage: Math.max(1, Math.floor(((scroll.current?.clientHeight ?? 400) - HEAD_PX) / height)),
    moveTo: (index) => {
      setCursor(index);
      virtual.scrollToIndex(index);
    },
  });
  const tracks = `${props.selection ? "36px " : ""}${shown.map((column) => column.width).join(" ")}`;

  return (
    <div className={classes.table}>
      {/* biome-ignore lint/a11y/useSemanticElements: a table element cannot hold only the rows on screen */}
      <div
        className={classes.scroll}
        ref={scroll}
        role="grid"
        aria-label={label}
        aria-rowcount={hasMore ? -1 : count + 1}
        aria-activedescendant={cursor >= 0 ? `row-${cursor}` : undefined}
        tabIndex={0}
        onKeyDown={onKeyDown}
        style={{ "--tracks": tracks, "--row": `${height}px` } as React.CSSProperties}
      >
        <TableHead {...props} columns={shown} />
        {rows === undefined && <SkeletonRows columns={shown.length} />}
        {rows !== undefined && count === 0 && <div className={classes.empty}>{empty}</div>}
        <div className={classes.rows} style={{ height: count === 0 ? 0 : virtual.getTotalSize() }}>
          {count > 0 &&
            items.map((item) => {
              const row = rows?.[item.index];
              if (!row) return <SkeletonRow key={`skeleton-${item.index}`} columns={shown.length} top={item.start} />;
              return (
                <TableRow
                  key={rowKey(row)}
                  row={row}
                  index={item.index}
                  top={item.start}
                  columns={shown}
                  table={props}
                  active={item.index === cursor}
                  activate={setCursor}
                  open={navigate}
                />
              );
            })}
        </div>
      </div>
      {footer && <div className={classes.footer}>{footer}</div>}
      <span className="only-readers">{say("table.hint")}</span>
    </div>
  );
}

function useShownColumns<Row>(columns: readonly Column<Row>[]): readonly Column<Row>[] {
  const [width, setWidth] = useState(() => globalThis.innerWidth);
  useEffect(() => {
    const measure = () => setWidth(globalThis.innerWidth);
    globalThis.addEventListener("resize", measure);
    return () => globalThis.removeEventListener("resize", measure);
  }, []);
  return useMemo(
    () => columns.filter((column) => column.hideBelow === undefined || width >= column.hideBelow),
    [columns, width],
  );
}

/** Tells which rows are on screen once scrolling has rested: the live stream follows rows and not the wheel. */
function useReportVisible<Row>(props: DataTableProps<Row>, indexes: readonly number[]): void {
  const { rows, rowKey } = props;
  const keys = indexes.flatMap((index) => {
    const row = rows?.[index];
    return row ? [rowKey(row)] : [];
  });
  const content = props.onVisible ? keys.join("\n") : "";
  const report = useEffectEvent((visible: readonly string[]) => props.onVisible?.(visible));
  useEffect(() => {
    if (content === "") return;
    const timer = setTimeout(() => report(content.split("\n")), 250);
    return () => clearTimeout(timer);
  }, [content]);
}

function SkeletonRows({ columns }: { columns: number }) {
  const indexes = Array.from({ length: SKELETON_ROWS }, (_, index) => index);
  return (
    <div className={classes.rows}>
      {indexes.map((index) => (
        <SkeletonRow key={index} columns={columns} />
      ))}
    </div>
  );
}

function SkeletonRow({ columns, top }: { columns: number; top?: number }) {
  const cells = Array.from({ length: columns }, (_, index) => index);
  return (
    <div
      className={classes.skeleton}
      aria-hidden="true"
      style={top === undefined ? undefined : { position: "absolute", transform: `translateY(${top}px)` }}
    >
      {cells.map((index) => (
        <span key={index} style={{ width: `${40 + ((index * 37) % 40)}%` }} />
      ))}
    </div>
  );
}
