import type {
  AgentConfig,
  AgentConfigListQuery,
  Config,
  ConfigCreate,
  ConfigEdit,
  ConfigKind,
  ConfigListQuery,
  ConfigPlan,
  ConfigPlanRequest,
  ConfigRevision,
  Page,
} from "@muster/core/resources";
import { type Api, segment } from "./api.ts";
import { type ListQuery, listAll } from "./paging.ts";

/** Named documents for agents: their revisions, which groups have which, and what agents make of them. */
export class ConfigsApi {
  readonly #api: Api;

  constructor(api: Api) {
    this.#api = api;
  }

  async kinds(): Promise<ConfigKind[]> {
    return (await this.#api.json<{ items: ConfigKind[] }>("GET", "config-kinds")).items;
  }

  list(query: ListQuery<ConfigListQuery> = {}): Promise<Page<Config>> {
    return this.#api.json("GET", "configs", { query });
  }

  listAll(query: ListQuery<ConfigListQuery> = {}): AsyncGenerator<Config> {
    return listAll((page) => this.list({ ...query, ...page }));
  }

  /** By id, or by name where that is no id. */
  get(id: string): Promise<Config> {
    return this.#api.json("GET", pathOf(id));
  }

  /** Reaches nobody until it is given to a group, by a rollout or an assignment. */
  create(config: ConfigCreate): Promise<Config> {
    return this.#api.json("POST", "configs", { body: config });
  }

  /** A new revision, unless nothing is new. Give `baseRevision`, the one that was edited, so that nobody else's change is lost. */
  change(id: string, change: ConfigEdit): Promise<Config> {
    return this.#api.json("PATCH", pathOf(id), { body: change });
  }

  /** Agents lose it. */
  remove(id: string): Promise<void> {
    return this.#api.call("DELETE", pathOf(id));
  }

  /** Newest first. */
  async revisions(id: string): Promise<ConfigRevision[]> {
    return (await this.#api.json<{ items: ConfigRevision[] }>("GET", `${pathOf(id)}/revisions`)).items;
  }

  revision(id: string, revision: number): Promise<ConfigRevision> {
    return this.#api.json("GET", `${pathOf(id)}/revisions/${revision}`);
  }

  /** Everybody who should have it or has it. */
  agents(id: string, query: ListQuery<AgentConfigListQuery> = {}): Promise<Page<AgentConfig>> {
    return this.#api.json("GET", `${pathOf(id)}/agents`, { query });
  }

  agentsAll(id: string, query: ListQuery<AgentConfigListQuery> = {}): AsyncGenerator<AgentConfig> {
    return listAll((page) => this.agents(id, { ...query, ...page }));
  }

  /** Gives a group a revision at once, the newest when none is said. */
  assign(id: string, groupId: string, revision?: number): Promise<Config> {
    const body = revision === undefined ? {} : { revision };
    return this.#api.json("PUT", `${pathOf(id)}/assignments/${segment(groupId)}`, { body });
  }

  /** The group's agents lose it. */
  unassign(id: string, groupId: string): Promise<void> {
    return this.#api.call("DELETE", `${pathOf(id)}/assignments/${segment(groupId)}`);
  }

  /** What would change if these groups had this revision. */
  plan(request: ConfigPlanRequest): Promise<ConfigPlan> {
    return this.#api.json("POST", "configs/plan", { body: request });
  }

  /** What one agent should have and has, in the order in which it merges. */
  async ofAgent(agentId: string): Promise<AgentConfig[]> {
    const path = `agents/${segment(agentId)}/configs`;
    return (await this.#api.json<{ items: AgentConfig[] }>("GET", path)).items;
  }

  /** Offers an agent again what failed on it. */
  retry(agentId: string, id: string): Promise<void> {
    return this.#api.call("POST", `agents/${segment(agentId)}/configs/${segment(id)}/retry`);
  }
}

function pathOf(id: string): string {
  return `configs/${segment(id)}`;
}
