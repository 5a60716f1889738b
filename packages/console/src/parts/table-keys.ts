import type { KeyboardEvent } from "react";
import { useNavigate } from "react-router";
import { extendTo, moveCursor, NOTHING, toggleAll, toggleOne } from "../logic/selection.ts";
import type { DataTableProps } from "./data-table.tsx";

interface TableCursor {
  readonly cursor: number;
  readonly perPage: number;
  readonly moveTo: (index: number) => void;
}

/** The keys of a table: arrows move, shift extends, x and space pick, Enter opens, Escape lets go. */
export function useTableKeys<Row>(props: DataTableProps<Row>, { cursor, perPage, moveTo }: TableCursor) {
  const navigate = useNavigate();
  const { rows = [], rowKey, rowLink, selection, onSelection } = props;
  const current = rows[cursor];

  const pick = (event: KeyboardEvent): boolean => {
    if (!selection || !onSelection) return false;
    if (event.key === "Escape" && selection.ids.size > 0) onSelection(NOTHING);
    else if (event.key === "a" && (event.metaKey || event.ctrlKey)) onSelection(toggleAll(NOTHING, rows.map(rowKey)));
    else if ((event.key === "x" || event.key === " ") && current) onSelection(toggleOne(selection, rowKey(current)));
    else return false;
    return true;
  };

  const move = (event: KeyboardEvent): boolean => {
    if (event.metaKey || event.ctrlKey || event.altKey) return false;
    const next = moveCursor(event.key, cursor, { count: rows.length, perPage });
    const target = next === undefined ? undefined : rows[next];
    if (next === undefined || !target) return false;
    moveTo(next);
    if (event.shiftKey && selection && onSelection) {
      const started = selection.anchor === undefined && current ? toggleOne(selection, rowKey(current)) : selection;
      onSelection(extendTo(started, rowKey(target), rows.map(rowKey)));
    }
    return true;
  };

  return (event: KeyboardEvent) => {
    // links and buttons inside keep their own keys; a checkbox that was just clicked does not trap the arrows
    const own = (event.target as HTMLElement).closest("a, button, input");
    if (own && !(own.matches('[type="checkbox"]') && event.key !== " ")) return;
    if (event.key === "Enter" && current) {
      const to = rowLink?.(current);
      if (to) void navigate(to);
      return;
    }
    if (pick(event) || move(event)) event.preventDefault();
  };
}
