import { systemClock } from "@muster/core";
import { useQuery } from "@tanstack/react-query";
import { createContext, type ReactNode, useContext, useEffect, useMemo, useState } from "react";
import { systemQuery } from "./queries.ts";

/** The server's clock minus the browser's. Ages are told by the server's, since it wrote the instants. */
const OffsetContext = createContext(0);

/** Below this a difference is the way of the answer, not the clocks. */
const NOTICEABLE_MS = 2000;

export function ServerClockProvider({ children }: { children: ReactNode }) {
  const { data, dataUpdatedAt } = useQuery(systemQuery);
  const measured = data ? Date.parse(data.now) - dataUpdatedAt : 0;
  const offset = Math.abs(measured) < NOTICEABLE_MS ? 0 : Math.round(measured / 1000) * 1000;
  return <OffsetContext value={offset}>{children}</OffsetContext>;
}

/** The present by the server's clock; re-renders the caller every `everyMs`. */
export function useNow(everyMs = 1000): number {
  const offset = useContext(OffsetContext);
  const [now, setNow] = useState(() => systemClock.now());
  useEffect(() => systemClock.every(everyMs, () => setNow(systemClock.now())), [everyMs]);
  return now + offset;
}

/** The server's clock for callers that ask once, not on every tick. */
export function useServerClock(): () => number {
  const offset = useContext(OffsetContext);
  return useMemo(() => () => systemClock.now() + offset, [offset]);
}
