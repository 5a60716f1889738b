import { useThrottledCallback } from "@mantine/hooks";
import { useQueryClient } from "@tanstack/react-query";
import { refreshConfigs } from "./config-queries.ts";
import { useLive } from "./live.tsx";

/** A rollout moves many agents at once: what is on screen is asked again at most this often. */
const REFRESH_MS = 1000;

/** Keeps what is shown of configs and rollouts true while the caller is on screen; `configId` where only one is shown. */
export function useLiveConfigs(configId?: string): void {
  const queries = useQueryClient();
  const refresh = useThrottledCallback(() => void refreshConfigs(queries), REFRESH_MS);
  useLive({ op: "configs" }, (event) => {
    const named = event.event === "configs" ? event.configIds : event.event === "lagged" ? null : [];
    if (named === null || (configId === undefined ? named.length > 0 : named.includes(configId))) refresh();
  });
}
