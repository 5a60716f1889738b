import { hasCode } from "@muster/core";
import { QueryCache, QueryClient } from "@tanstack/react-query";
import { meQuery } from "../api/queries.ts";

/** Asks again only where that can help: a refusal stays a refusal. */
export function createQueryClient(): QueryClient {
  const queries: QueryClient = new QueryClient({
    queryCache: new QueryCache({
      onError: (error) => {
        // the session has ended: the frame sees nobody and shows the login
        if (hasCode(error, "unauthenticated")) queries.setQueryData(meQuery.queryKey, null);
      },
    }),
    defaultOptions: {
      queries: {
        staleTime: 5000,
        retry: (count, error) => count < 2 && hasCode(error, "unavailable"),
      },
    },
  });
  return queries;
}
