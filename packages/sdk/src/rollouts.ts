import type {
  Page,
  Rollout,
  RolloutAgent,
  RolloutAgentListQuery,
  RolloutError,
  RolloutListQuery,
  RolloutWrite,
} from "@muster/core/resources";
import { type Api, segment } from "./api.ts";
import { type ListQuery, listAll } from "./paging.ts";

/** Revisions on their way to groups, wave by wave. */
export class RolloutsApi {
  readonly #api: Api;

  constructor(api: Api) {
    this.#api = api;
  }

  /** Begins at once; what is under way for the same config is superseded. Groups may be named. */
  start(rollout: RolloutWrite): Promise<Rollout> {
    return this.#api.json("POST", "rollouts", { body: rollout });
  }

  /** Newest first. */
  list(query: ListQuery<RolloutListQuery> = {}): Promise<Page<Rollout>> {
    return this.#api.json("GET", "rollouts", { query });
  }

  listAll(query: ListQuery<RolloutListQuery> = {}): AsyncGenerator<Rollout> {
    return listAll((page) => this.list({ ...query, ...page }));
  }

  get(id: string, signal?: AbortSignal): Promise<Rollout> {
    return this.#api.json("GET", pathOf(id), signal ? { signal } : {});
  }

  /** Wave by wave. */
  agents(id: string, query: ListQuery<RolloutAgentListQuery> = {}): Promise<Page<RolloutAgent>> {
    return this.#api.json("GET", `${pathOf(id)}/agents`, { query });
  }

  agentsAll(id: string, query: ListQuery<RolloutAgentListQuery> = {}): AsyncGenerator<RolloutAgent> {
    return listAll((page) => this.agents(id, { ...query, ...page }));
  }

  /** What those that failed say, the same words once, the most frequent first. */
  async errors(id: string): Promise<RolloutError[]> {
    return (await this.#api.json<{ items: RolloutError[] }>("GET", `${pathOf(id)}/errors`)).items;
  }

  /** Nobody new is given anything until it is resumed. */
  pause(id: string): Promise<Rollout> {
    return this.#api.json("POST", `${pathOf(id)}/pause`);
  }

  /** Goes on, also after a halt. */
  resume(id: string): Promise<Rollout> {
    return this.#api.json("POST", `${pathOf(id)}/resume`);
  }

  /** Ends it; who was given the revision keeps it. */
  cancel(id: string): Promise<Rollout> {
    return this.#api.json("POST", `${pathOf(id)}/cancel`);
  }

  /** Gives the groups at once what they had before. */
  rollBack(id: string): Promise<Rollout> {
    return this.#api.json("POST", `${pathOf(id)}/rollback`);
  }
}

function pathOf(id: string): string {
  return `rollouts/${segment(id)}`;
}
