import { isUuid, MusterError } from "@muster/core";
import type { Agent, Group } from "@muster/core/resources";
import type { MusterClient } from "@muster/sdk";

const SHOWN = 5;

/** The agent a person means: by id, else by exactly its name, hostname or external id. Several matches are an error. */
export async function resolveAgent(client: MusterClient, word: string): Promise<Agent> {
  if (isUuid(word)) return client.agents.get(word);
  const { items } = await client.agents.list({ filter: word, limit: 1000 });
  const exact = items.filter((agent) => [agent.name, agent.hostname, agent.externalId].includes(word));
  const [only, ...others] = exact;
  if (only && others.length === 0) return only;
  if (only) {
    const list = exact.slice(0, SHOWN).map((agent) => `\n  ${agent.id}  ${agent.name}  ${agent.status}`);
    throw new MusterError("conflict", `${exact.length} agents are called "${word}"; use an id:${list.join("")}`);
  }
  const near = items.slice(0, SHOWN).map((agent) => agent.name);
  throw new MusterError("not_found", `there is no agent "${word}"`, {
    hint: near.length > 0 ? `similar: ${near.join(", ")}` : "`muster agents` lists them all",
  });
}

/** The group a person means, by id or name. */
export async function resolveGroup(client: MusterClient, word: string): Promise<Group> {
  if (isUuid(word)) return client.groups.get(word);
  for await (const group of client.groups.listAll()) if (group.name === word) return group;
  throw new MusterError("not_found", `there is no group "${word}"`, { hint: "`muster groups` lists them all" });
}
