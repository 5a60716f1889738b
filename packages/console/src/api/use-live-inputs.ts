import { useQueryClient } from "@tanstack/react-query";
import { refreshInputs } from "./input-queries.ts";
import { useLive } from "./live.tsx";

/** Keeps what is shown of an agent's inputs true while the caller is on screen. */
export function useLiveInputs(agentId: string): void {
  const queries = useQueryClient();
  useLive({ op: "agent", agentId }, (event) => {
    if (event.event === "inputs" || event.event === "lagged") void refreshInputs(queries, agentId);
  });
}
