import { type CountOrShare, hasCode, MusterError } from "@muster/core";
import type { Config } from "@muster/core/resources";
import type { MusterClient } from "@muster/sdk";
import type { Folder } from "./declared.ts";
import { planSteps, type Step } from "./plan.ts";
import { readServer, type ServerState } from "./server-state.ts";

/** How a text is given to groups; without waves to all of them at once. */
export interface ApplyOptions {
  readonly message: string;
  readonly waves?: readonly CountOrShare[];
  readonly healthyMs?: number;
  readonly failureBudget?: CountOrShare;
  /** Called after each step. */
  readonly onDone: (step: Step) => void;
}

/** What would have to be done, and what the server has now. */
export interface Plan {
  readonly state: ServerState;
  readonly steps: readonly Step[];
}

export async function planFolder(
  client: MusterClient,
  folder: Folder,
  { prune, agentId }: { readonly prune: boolean; readonly agentId: (word: string) => Promise<string> },
): Promise<Plan> {
  const state = await readServer(client);
  const kinds = folder.configs === undefined ? [] : await client.configs.kinds();
  const steps = await planSteps(
    folder,
    {
      ...state,
      kinds,
      agentId,
      textOf: async (config) => (await client.configs.revision(config.id, config.revision)).text,
      beingGiven: (config) => listBeingGiven(client, config),
    },
    { prune },
  );
  return { state, steps };
}

/** Does the steps one after the other. What was done before one fails stays; the next call goes on from there. */
export async function applySteps(client: MusterClient, { state, steps }: Plan, options: ApplyOptions): Promise<void> {
  const groupIds = new Map(state.groups.map(({ name, id }) => [name, id]));
  const configs = new Map(state.configs.map(({ name, id, revision }) => [name, { id, revision }]));
  const rolling = new Set<string>();
  for (const step of steps) {
    switch (step.what) {
      case "create_group":
        groupIds.set(step.group, (await client.groups.create(step.write)).id);
        break;
      case "change_group":
        await client.groups.replace(step.id, step.write);
        break;
      case "create_config":
        configs.set(
          step.config,
          await at(step.place, client.configs.create({ ...step.write, message: options.message })),
        );
        break;
      case "change_config": {
        const change = { ...step.change, message: options.message };
        configs.set(step.config, await at(step.place, client.configs.change(step.id, change)));
        break;
      }
      case "give":
        if (options.waves === undefined || step.revision !== null) {
          const { id, revision } = known(configs, step.config);
          await client.configs.assign(id, known(groupIds, step.group), step.revision ?? revision);
        } else if (!rolling.has(step.config)) {
          rolling.add(step.config); // one rollout for all groups of a config: a second one would supersede the first
          await startRollout(client, known(configs, step.config), { groups: groupsOf(steps, step.config), options });
        }
        break;
      case "take":
        await client.configs.unassign(known(configs, step.config).id, known(groupIds, step.group));
        break;
      case "remove_config":
        await client.configs.remove(step.id);
        break;
      case "remove_group":
        await client.groups.remove(step.id);
        break;
    }
    options.onDone(step);
  }
}

function groupsOf(steps: readonly Step[], config: string): string[] {
  return steps.flatMap((step) =>
    step.what === "give" && step.config === config && step.revision === null ? [step.group] : [],
  );
}

async function startRollout(
  client: MusterClient,
  config: { readonly id: string; readonly revision: number },
  { groups, options }: { readonly groups: readonly string[]; readonly options: ApplyOptions },
): Promise<void> {
  const { waves, healthyMs, failureBudget } = options;
  await client.rollouts.start({
    configId: config.id,
    revision: config.revision,
    groups: [...groups],
    ...(waves !== undefined && { waves: [...waves] }),
    ...(healthyMs !== undefined && { healthyMs }),
    ...(failureBudget !== undefined && { failureBudget }),
  });
}

async function listBeingGiven(client: MusterClient, config: Config): Promise<string[]> {
  if (config.rolloutId === null) return [];
  try {
    const rollout = await client.rollouts.get(config.rolloutId);
    return rollout.revision === config.revision ? rollout.groups.map(({ name }) => name) : [];
  } catch (error) {
    if (hasCode(error, "not_found")) return []; // it has ended meanwhile
    throw error;
  }
}

/** Puts the file that declares it before what the server refuses about it. */
async function at<Answer>(place: string, asked: Promise<Answer>): Promise<Answer> {
  try {
    return await asked;
  } catch (error) {
    if (!hasCode(error, "invalid_argument")) throw error;
    const line = typeof error.details.line === "number" ? `, line ${error.details.line} of the text` : "";
    throw new MusterError(error.code, `${place}${line}: ${error.message}`, error.details, error);
  }
}

/** What the steps before have made, or the server had. */
function known<Value>(values: ReadonlyMap<string, Value>, name: string): Value {
  const value = values.get(name);
  if (value === undefined) throw new MusterError("not_found", `there is no ${name} any more`);
  return value;
}
