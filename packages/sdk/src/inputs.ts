import type {
  AvailableInput,
  Input,
  InputBulkAnswer,
  InputBulkRequest,
  InputChange,
  InputRevision,
  InputWithText,
  InputWrite,
} from "@muster/core/resources";
import { type Api, segment } from "./api.ts";

/** What agents collect, and with which configurations. Texts need the role operator. */
export class InputsApi {
  readonly #api: Api;

  constructor(api: Api) {
    this.#api = api;
  }

  /** As the agent says now, or said last where it is not connected. */
  async list(agentId: string, signal?: AbortSignal): Promise<Input[]> {
    const answer = await this.#api.json<{ items: Input[] }>("GET", pathOf(agentId), signal ? { signal } : {});
    return answer.items;
  }

  async available(agentId: string): Promise<AvailableInput[]> {
    return (await this.#api.json<{ items: AvailableInput[] }>("GET", `${pathOf(agentId)}/available`)).items;
  }

  /** The commented configuration to start from. */
  async sample(agentId: string, input: string): Promise<string> {
    return (await this.#api.json<{ toml: string }>("GET", `${pathOf(agentId)}/samples/${segment(input)}`)).toml;
  }

  get(agentId: string, inputId: string): Promise<InputWithText> {
    return this.#api.json("GET", pathOf(agentId, inputId));
  }

  add(agentId: string, input: InputWrite): Promise<Input> {
    return this.#api.json("POST", pathOf(agentId), { body: input });
  }

  /** Give `baseRevision`, the one that was edited, so that nobody else's change is overwritten. */
  change(agentId: string, inputId: string, change: InputChange): Promise<Input> {
    return this.#api.json("PUT", pathOf(agentId, inputId), { body: change });
  }

  remove(agentId: string, inputId: string): Promise<void> {
    return this.#api.call("DELETE", pathOf(agentId, inputId));
  }

  /** All of them or none. */
  enable(agentId: string, ids: readonly string[]): Promise<void> {
    return this.#api.call("POST", `${pathOf(agentId)}/enable`, { body: { ids } });
  }

  /** All of them or none. */
  disable(agentId: string, ids: readonly string[]): Promise<void> {
    return this.#api.call("POST", `${pathOf(agentId)}/disable`, { body: { ids } });
  }

  /** Collects once and changes nothing; answers line protocol. */
  async test(agentId: string, input: InputWrite): Promise<string> {
    return (await this.#api.json<{ output: string }>("POST", `${pathOf(agentId)}/test`, { body: input })).output;
  }

  async reload(agentId: string): Promise<Input[]> {
    return (await this.#api.json<{ items: Input[] }>("POST", `${pathOf(agentId)}/reload`)).items;
  }

  /** Newest first. */
  async revisions(agentId: string, inputId: string): Promise<InputRevision[]> {
    const path = `${pathOf(agentId, inputId)}/revisions`;
    return (await this.#api.json<{ items: InputRevision[] }>("GET", path)).items;
  }

  /** Gives the text of an earlier revision again; brings back what was removed. */
  rollBack(agentId: string, inputId: string, revision: number): Promise<Input> {
    return this.#api.json("POST", `${pathOf(agentId, inputId)}/rollback`, { body: { revision } });
  }

  /** One input for many agents; each counts for itself. */
  addToMany(request: InputBulkRequest): Promise<InputBulkAnswer> {
    return this.#api.json("POST", "inputs", { body: request });
  }
}

function pathOf(agentId: string, inputId?: string): string {
  const inputs = `agents/${segment(agentId)}/inputs`;
  return inputId === undefined ? inputs : `${inputs}/${segment(inputId)}`;
}
