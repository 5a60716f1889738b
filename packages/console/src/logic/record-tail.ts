import type { RecordItem, RecordPage } from "@muster/core/resources";

/** What arrived while one followed, newest first, and whether so much came that older ones were let go. */
export interface Arrived {
  readonly items: readonly RecordItem[];
  readonly isCut: boolean;
}

export const NOTHING_ARRIVED: Arrived = { items: [], isCut: false };

/** More than that nobody scrolls through; the list itself can be asked for older ones. */
export const MAX_ARRIVED = 5000;

/** `page` is in the order of arrival, as following answers. */
export function addArrived(arrived: Arrived, page: readonly RecordItem[]): Arrived {
  if (page.length === 0) return arrived;
  const items = [...page].reverse().concat(arrived.items);
  return { items: items.slice(0, MAX_ARRIVED), isCut: arrived.isCut || items.length > MAX_ARRIVED };
}

/** Arrived ones above those that were found, each once. Where older ones were let go, nothing hides the gap. */
export function joinRecords(arrived: Arrived, found: readonly RecordItem[]): readonly RecordItem[] {
  if (arrived.isCut || arrived.items.length === 0) return arrived.isCut ? arrived.items : found;
  const known = new Set(arrived.items.map((item) => item.id));
  return [...arrived.items, ...found.filter((item) => !known.has(item.id))];
}

interface TailParts {
  readonly read: (after: string, signal: AbortSignal) => Promise<RecordPage>;
  readonly onItems: (items: readonly RecordItem[]) => void;
  /** Told once when the server stops to answer, and once when it answers again. */
  readonly onLost: (isLost: boolean) => void;
  readonly rest: (ms: number, signal: AbortSignal) => Promise<void>;
}

const IDLE_MS = 1000;
const LOST_MS = 3000;

/** Follows from a cursor on until the signal is aborted. Goes on where it was when the server comes back. */
export async function tailRecords(start: string, parts: TailParts, signal: AbortSignal): Promise<void> {
  let after = start;
  let isLost = false;
  const setLost = (lost: boolean) => {
    if (lost !== isLost) parts.onLost(lost);
    isLost = lost;
  };
  while (!signal.aborted) {
    try {
      const page = await parts.read(after, signal);
      if (signal.aborted) return;
      setLost(false);
      const isIdle = page.items.length === 0 && page.tailCursor === after;
      after = page.tailCursor;
      if (page.items.length > 0) parts.onItems(page.items);
      if (isIdle) await parts.rest(IDLE_MS, signal);
    } catch {
      if (signal.aborted) return;
      setLost(true);
      await parts.rest(LOST_MS, signal);
    }
  }
}
