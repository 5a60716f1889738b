// biome-ignore-all lint/a11y/useSemanticElements: a table element cannot hold only the rows on screen
import { type MouseEvent, memo, type ReactNode } from "react";
import { useSpeech } from "../i18n/language.tsx";
import { extendTo, toggleOne } from "../logic/selection.ts";
import classes from "./data-table.module.css";
import type { Column, DataTableProps } from "./data-table.tsx";

interface RowProps<Row> {
  row: Row;
  index: number;
  top: number;
  columns: readonly Column<Row>[];
  table: DataTableProps<Row>;
  active: boolean;
  activate: (index: number) => void;
  open: (to: string) => unknown;
}

/** One row: a click opens it, unless it hits something with a meaning of its own or ends a text selection. Remembered while one scrolls. */
export const TableRow = memo(function TableRow<Row>(props: RowProps<Row>) {
  const { row, index, top, columns, table, active, activate, open } = props;
  const { say } = useSpeech();
  const { selection, onSelection, rows = [], rowKey } = table;
  const key = rowKey(row);
  const picked = selection?.ids.has(key) ?? false;
  const to = table.rowLink?.(row);

  const onClick = (event: MouseEvent) => {
    activate(index);
    const own = (event.target as HTMLElement).closest("a, button, input, label");
    if (own || globalThis.getSelection()?.isCollapsed === false) return;
    if (!to) return;
    if (event.metaKey || event.ctrlKey) globalThis.open(to, "_blank", "noopener");
    else void open(to);
  };
  const onCheck = (event: MouseEvent) => {
    if (!selection || !onSelection) return;
    onSelection(event.shiftKey ? extendTo(selection, key, rows.map(rowKey)) : toggleOne(selection, key));
  };

  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the table handles the keys for all its rows
    <div
      id={`row-${index}`}
      role="row"
      tabIndex={-1}
      aria-rowindex={index + 2}
      aria-selected={selection ? picked : undefined}
      className={classes.row}
      data-active={active || undefined}
      data-picked={picked || undefined}
      data-link={to !== undefined || undefined}
      style={{ transform: `translateY(${top}px)` }}
      onClick={onClick}
    >
      {selection && (
        <span className={classes.check}>
          <input
            type="checkbox"
            checked={picked}
            readOnly
            tabIndex={-1}
            aria-label={say("table.select")}
            onClick={onCheck}
          />
        </span>
      )}
      {columns.map((column) => (
        <span key={column.id} role="gridcell" tabIndex={-1} className={classes.cell} data-align={column.align}>
          {column.cell(row)}
        </span>
      ))}
    </div>
  );
}) as <Row>(props: RowProps<Row>) => ReactNode;
