import type { RecordItem } from "@muster/core/resources";
import type { RecordQuery } from "@muster/sdk";
import { useInfiniteQuery } from "@tanstack/react-query";
import { useEffect, useEffectEvent, useMemo, useState } from "react";
import { client } from "../../api/client.ts";
import { useServerClock } from "../../api/clock.tsx";
import { type RecordFilter, toRecordQuery, toRecordSpan } from "../../logic/record-filter.ts";
import { addArrived, joinRecords, NOTHING_ARRIVED, tailRecords } from "../../logic/record-tail.ts";
import type { TimeRange } from "../../logic/time-range.ts";

const FIRST_PAGE = 100;
const NEXT_PAGE = 500;

/** The records that match, newest first, as far as they are loaded, with those that arrive above them. */
export interface RecordFeed {
  readonly rows: readonly RecordItem[] | undefined;
  /** How many of the first rows arrived while one followed. */
  readonly arrived: number;
  readonly error: Error | null;
  readonly hasMore: boolean;
  /** So much arrived that older ones were let go. */
  readonly isCut: boolean;
  /** Following is on and the server does not answer. */
  readonly isLost: boolean;
  readonly isReading: boolean;
  loadMore(): void;
  reload(): void;
}

export function useRecords(filter: RecordFilter, range: TimeRange, follows: boolean): RecordFeed {
  const clock = useServerClock();
  const query = toRecordQuery(filter);
  const span = range.kind === "preset" ? range.preset : `${range.from}-${range.to}`;
  const found = useInfiniteQuery({
    queryKey: ["records", query, span],
    queryFn: ({ pageParam, signal }) =>
      client.records.list(
        {
          ...query,
          ...toRecordSpan(range, clock()),
          limit: pageParam ? NEXT_PAGE : FIRST_PAGE,
          ...(pageParam && { cursor: pageParam }),
        },
        signal,
      ),
    initialPageParam: "",
    getNextPageParam: (page) => page.nextCursor,
    refetchOnWindowFocus: false,
    // what was found does not change; what is new is followed or asked for
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 0,
  });
  const { data, fetchNextPage, isFetching, refetch } = found;
  const start = data?.pages[0]?.tailCursor;
  const tail = useTail(query, follows ? start : undefined);
  const rows = useMemo(
    () =>
      data &&
      joinRecords(
        tail.arrived,
        data.pages.flatMap((page) => page.items),
      ),
    [data, tail.arrived],
  );
  return {
    rows,
    arrived: tail.arrived.items.length,
    error: found.error,
    hasMore: found.hasNextPage && !tail.arrived.isCut,
    isCut: tail.arrived.isCut,
    isLost: follows && tail.isLost,
    isReading: isFetching,
    loadMore: () => {
      if (!isFetching) void fetchNextPage();
    },
    reload: () => {
      tail.forget();
      void refetch();
    },
  };
}

/** What arrives after a cursor; nothing is asked while that is undefined. A new question forgets what arrived for the old one. */
function useTail(query: RecordQuery, start: string | undefined) {
  const content = JSON.stringify(query);
  const [state, setState] = useState({ content, arrived: NOTHING_ARRIVED, isLost: false });
  if (state.content !== content) setState({ content, arrived: NOTHING_ARRIVED, isLost: false });
  const read = useEffectEvent((after: string, signal: AbortSignal) =>
    client.records.list({ ...query, after, limit: 1000 }, signal),
  );
  useEffect(() => {
    if (start === undefined) return;
    const stop = new AbortController();
    void tailRecords(
      start,
      {
        read: (after, signal) => read(after, signal),
        onItems: (items) =>
          setState((old) => (old.content === content ? { ...old, arrived: addArrived(old.arrived, items) } : old)),
        onLost: (isLost) => setState((old) => ({ ...old, isLost })),
        rest,
      },
      stop.signal,
    );
    return () => stop.abort();
  }, [content, start]);
  return {
    arrived: state.arrived,
    isLost: state.isLost,
    forget: () => setState((old) => ({ ...old, arrived: NOTHING_ARRIVED })),
  };
}

function rest(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const finish = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", finish);
      resolve();
    };
    const timer = setTimeout(finish, ms);
    signal.addEventListener("abort", finish, { once: true });
  });
}
