import type { MetricAnswer, MetricSeriesPage } from "@muster/core/resources";
import type { Api } from "./api.ts";

/** Which values of which agent, between which instants. */
export interface MetricQuery {
  readonly agentId: string;
  /** The host's own, or `<measurement>.<field>` of what was written. Absent: all of the host's own. */
  readonly names?: readonly string[];
  /** RFC 3339. */
  readonly from: string;
  readonly to: string;
  readonly stepMs?: number;
  /** The server widens the step until no more points than this are answered. */
  readonly maxPoints?: number;
}

/** The history of measurements. */
export class MetricsApi {
  readonly #api: Api;

  constructor(api: Api) {
    this.#api = api;
  }

  query(query: MetricQuery, signal?: AbortSignal): Promise<MetricAnswer> {
    return this.#api.json("GET", "metrics", {
      query: { ...query, names: query.names?.join(",") },
      ...(signal && { signal }),
    });
  }

  /** What an agent's collectors and programs have written; `<measurement>.<field>` is the name to query. */
  series(query: { readonly agentId: string; readonly measurement?: string }): Promise<MetricSeriesPage> {
    return this.#api.json("GET", "metrics/series", { query });
  }
}
