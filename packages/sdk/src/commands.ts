import type {
  Command,
  CommandListQuery,
  CommandRequest,
  Page,
  Run,
  RunListQuery,
  TargetPreview,
  Targets,
} from "@muster/core/resources";
import { type Api, segment } from "./api.ts";
import { type ListQuery, listAll } from "./paging.ts";

/** Commands: what was asked of many agents at once. */
export class CommandsApi {
  readonly #api: Api;

  constructor(api: Api) {
    this.#api = api;
  }

  list(query: ListQuery<CommandListQuery> = {}): Promise<Page<Command>> {
    return this.#api.json("GET", "commands", { query });
  }

  listAll(query: ListQuery<CommandListQuery> = {}): AsyncGenerator<Command> {
    return listAll((page) => this.list({ ...query, ...page }));
  }

  get(id: string): Promise<Command> {
    return this.#api.json("GET", `commands/${segment(id)}`);
  }

  /**
   * Stores the command and one run per agent. With the same `idempotencyKey` a repeated call answers the first
   * command and starts nothing, so a caller that lost the answer may simply ask again.
   */
  create(request: CommandRequest, idempotencyKey?: string): Promise<Command> {
    const headers: Record<string, string> = {};
    if (idempotencyKey !== undefined) headers["idempotency-key"] = idempotencyKey;
    return this.#api.json("POST", "commands", { body: request, headers });
  }

  /** Who exactly would be hit. */
  preview(targets: Targets): Promise<TargetPreview> {
    return this.#api.json("POST", "commands/preview", { body: { targets } });
  }

  cancel(id: string): Promise<Command> {
    return this.#api.json("POST", `commands/${segment(id)}/cancel`);
  }

  runs(id: string, query: ListQuery<RunListQuery> = {}): Promise<Page<Run>> {
    return this.#api.json("GET", `commands/${segment(id)}/runs`, { query });
  }

  allRuns(id: string, query: ListQuery<RunListQuery> = {}): AsyncGenerator<Run> {
    return listAll((page) => this.runs(id, { ...query, ...page }));
  }
}
