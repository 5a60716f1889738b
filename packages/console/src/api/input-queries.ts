import { type QueryClient, queryOptions } from "@tanstack/react-query";
import { client } from "./client.ts";

/** Counts of points move without a word of the live stream. */
const COUNTS_MS = 10_000;

const keyOf = (agentId: string) => ["inputs", agentId] as const;

export const inputsQuery = (agentId: string) =>
  queryOptions({
    queryKey: [...keyOf(agentId), "list"],
    queryFn: ({ signal }) => client.inputs.list(agentId, signal),
    refetchInterval: COUNTS_MS,
  });

/** One input with its text; for operators. */
export const inputQuery = (agentId: string, inputId: string) =>
  queryOptions({
    queryKey: [...keyOf(agentId), "one", inputId],
    queryFn: () => client.inputs.get(agentId, inputId),
  });

export const inputRevisionsQuery = (agentId: string, inputId: string) =>
  queryOptions({
    queryKey: [...keyOf(agentId), "revisions", inputId],
    queryFn: () => client.inputs.revisions(agentId, inputId),
  });

/** What the agent could collect. */
export const collectorsQuery = (agentId: string) =>
  queryOptions({
    queryKey: ["collectors", agentId],
    queryFn: () => client.inputs.available(agentId),
    staleTime: 60_000,
  });

export const inputSampleQuery = (agentId: string, input: string) =>
  queryOptions({
    queryKey: ["input-sample", agentId, input],
    queryFn: () => client.inputs.sample(agentId, input),
    staleTime: Number.POSITIVE_INFINITY,
  });

/** Everything about an agent's inputs is asked again, where it is on screen. */
export function refreshInputs(queries: QueryClient, agentId: string): Promise<void> {
  return queries.invalidateQueries({ queryKey: keyOf(agentId) });
}
