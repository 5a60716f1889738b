/** Which rows of a list are picked. Immutable, keyed by id, so that it survives sorting and paging. */
export interface Selection {
  readonly ids: ReadonlySet<string>;
  /** The row that a range extends from. */
  readonly anchor: string | undefined;
}

export const NOTHING: Selection = { ids: new Set(), anchor: undefined };

export function toggleOne(selection: Selection, id: string): Selection {
  const ids = new Set(selection.ids);
  if (!ids.delete(id)) ids.add(id);
  return { ids, anchor: id };
}

/** Adds everything between the anchor and `id` in the order on screen; without an anchor it toggles. */
export function extendTo(selection: Selection, id: string, order: readonly string[]): Selection {
  const from = selection.anchor === undefined ? -1 : order.indexOf(selection.anchor);
  const to = order.indexOf(id);
  if (from === -1 || to === -1) return toggleOne(selection, id);
  const ids = new Set(selection.ids);
  for (const member of order.slice(Math.min(from, to), Math.max(from, to) + 1)) ids.add(member);
  return { ids, anchor: selection.anchor };
}

export function selectAll(ids: Iterable<string>): Selection {
  return { ids: new Set(ids), anchor: undefined };
}

/** Takes all of `ids` in, or, when all are in already, out. */
export function toggleAll(selection: Selection, ids: readonly string[]): Selection {
  const all = ids.length > 0 && ids.every((id) => selection.ids.has(id));
  const next = new Set(selection.ids);
  for (const id of ids) {
    if (all) next.delete(id);
    else next.add(id);
  }
  return { ids: next, anchor: undefined };
}

/** Where the cursor of a table goes for a key; undefined when the key is not about moving. */
export function moveCursor(key: string, cursor: number, rows: { count: number; perPage: number }): number | undefined {
  const { count, perPage } = rows;
  if (count === 0) return undefined;
  const clamp = (index: number) => Math.min(Math.max(index, 0), count - 1);
  switch (key) {
    case "ArrowDown":
    case "j":
      return clamp(cursor + 1);
    case "ArrowUp":
    case "k":
      return clamp(cursor === -1 ? 0 : cursor - 1);
    case "PageDown":
      return clamp(cursor + perPage);
    case "PageUp":
      return clamp(cursor - perPage);
    case "Home":
      return 0;
    case "End":
      return count - 1;
    default:
      return undefined;
  }
}
