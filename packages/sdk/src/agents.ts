import type {
  Agent,
  AgentListQuery,
  AgentPatch,
  LabelSummary,
  LatestSample,
  Page,
  RunListQuery,
  RunWithCommand,
} from "@muster/core/resources";
import { type Api, segment } from "./api.ts";
import { type ListQuery, listAll } from "./paging.ts";

/** A page of agents, with how many there are in all. */
export interface AgentPage extends Page<Agent> {
  total: number;
}

/** The agents of the fleet. */
export class AgentsApi {
  readonly #api: Api;

  constructor(api: Api) {
    this.#api = api;
  }

  list(query: ListQuery<AgentListQuery> = {}, signal?: AbortSignal): Promise<AgentPage> {
    return this.#api.json("GET", "agents", { query, ...(signal && { signal }) });
  }

  listAll(query: ListQuery<AgentListQuery> = {}): AsyncGenerator<Agent> {
    return listAll((page) => this.list({ ...query, ...page }));
  }

  get(id: string): Promise<Agent> {
    return this.#api.json("GET", `agents/${segment(id)}`);
  }

  update(id: string, patch: AgentPatch): Promise<Agent> {
    return this.#api.json("PATCH", `agents/${segment(id)}`, { body: patch });
  }

  remove(id: string): Promise<void> {
    return this.#api.call("DELETE", `agents/${segment(id)}`);
  }

  /** Every label in use with its values and how many agents carry them. */
  labels(): Promise<LabelSummary> {
    return this.#api.json("GET", "agents/labels");
  }

  /** The newest reading of the agent's host; throws not_found when there is none. */
  sample(id: string): Promise<LatestSample> {
    return this.#api.json("GET", `agents/${segment(id)}/sample`);
  }

  runs(id: string, query: ListQuery<RunListQuery> = {}): Promise<Page<RunWithCommand>> {
    return this.#api.json("GET", `agents/${segment(id)}/runs`, { query });
  }
}
