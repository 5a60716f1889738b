// biome-ignore-all lint/a11y/useSemanticElements: a table element cannot hold only the rows on screen
import { Checkbox, UnstyledButton } from "@mantine/core";
import { memo, type ReactNode } from "react";
import { useSpeech } from "../i18n/language.tsx";
import { toggleAll } from "../logic/selection.ts";
import classes from "./data-table.module.css";
import type { Column, DataTableProps } from "./data-table.tsx";

/** The names of the columns; those that can be sorted by are buttons. Remembered: scrolling changes nothing here. */
export const TableHead = memo(function TableHead<Row>(props: DataTableProps<Row>) {
  const { columns, rows = [], rowKey, selection, onSelection } = props;
  const { say } = useSpeech();
  const keys = selection ? rows.map(rowKey) : [];
  const picked = selection ? keys.filter((key) => selection.ids.has(key)).length : 0;
  return (
    <div className={classes.head} role="row" tabIndex={-1}>
      {selection && (
        <span className={classes.check}>
          <Checkbox
            size="xs"
            aria-label={say("table.selectAll")}
            checked={picked > 0 && picked === keys.length}
            indeterminate={picked > 0 && picked < keys.length}
            onChange={() => onSelection?.(toggleAll(selection, keys))}
          />
        </span>
      )}
      {columns.map((column) => (
        <HeadCell key={column.id} column={column} {...props} />
      ))}
    </div>
  );
}) as <Row>(props: DataTableProps<Row>) => ReactNode;

function HeadCell<Row>({ column, sort, onSort }: DataTableProps<Row> & { column: Column<Row> }) {
  const order = column.sort?.[0] === sort ? "ascending" : column.sort?.[1] === sort ? "descending" : "none";
  const next = order === "ascending" ? column.sort?.[1] : column.sort?.[0];
  return (
    <span
      className={classes.headCell}
      role="columnheader"
      tabIndex={-1}
      aria-sort={column.sort ? order : undefined}
      data-align={column.align}
    >
      {column.sort && onSort && next ? (
        <UnstyledButton className={classes.sort} onClick={() => onSort(next)}>
          {column.title}
          <span className={classes.arrow} data-order={order}>
            {order === "descending" ? "↓" : "↑"}
          </span>
        </UnstyledButton>
      ) : (
        column.title
      )}
    </span>
  );
}
