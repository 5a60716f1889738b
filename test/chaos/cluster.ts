import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { AgentCounts, Page } from "@muster/core/resources";
import {
  type LaunchedProcess,
  launchProcess,
  MUSTER,
  makeTempDir,
  type NatsServer,
  type PostgresServer,
  type Scope,
  startNats,
  startPostgres,
  waitUntil,
} from "@muster/testing";
import type { AgentHostSettings } from "./agent-host.ts";
import { API_TOKEN, ENROLLMENT_TOKEN, Member } from "./member.ts";

const SERVERS = ["left", "middle", "right"];
const HOST_PROGRAM = join(import.meta.dirname, "agent-host.ts");

export interface ClusterOptions {
  readonly realAgents: number;
  readonly simulatedAgents: number;
  /** Processes that the simulated agents are spread over. */
  readonly hosts: number;
  readonly say?: (text: string) => void;
}

export interface Answer {
  /** 0 when the server took the call and did not answer in time. */
  readonly status: number;
  readonly text: string;
}

/** A process with one real agent or many simulated ones; started again when it was killed. */
interface AgentProcess {
  readonly args: readonly string[];
  readonly dataDir: string;
  process: LaunchedProcess;
}

/** Three servers over PostgreSQL and NATS, and agents that know all three. */
export class Cluster {
  readonly postgres: PostgresServer;
  readonly nats: NatsServer;
  readonly members: readonly Member[];
  readonly witness: string;
  /** Servers that ended although nobody asked them to. */
  readonly crashes: string[];
  readonly #scope: Scope;
  readonly #agents: AgentProcess[] = [];

  private constructor(scope: Scope, parts: Pick<Cluster, "postgres" | "nats" | "members" | "witness" | "crashes">) {
    this.#scope = scope;
    this.postgres = parts.postgres;
    this.nats = parts.nats;
    this.members = parts.members;
    this.witness = parts.witness;
    this.crashes = parts.crashes;
  }

  /** Resolves when every agent is online. Call `end` in any case. */
  static async start(scope: Scope, options: ClusterOptions): Promise<Cluster> {
    const [postgres, nats] = await Promise.all([startPostgres(scope), startNats(scope)]);
    const database = new URL(await postgres.createDatabase(scope)).pathname.slice(1);
    const crashes: string[] = [];
    const members: Member[] = [];
    const onCrash = (text: string) => void crashes.push(text);
    const onEvent = (text: string) => options.say?.(text);
    for (const name of SERVERS) {
      const ports = { postgresPort: postgres.port, natsPort: nats.port };
      members.push(await Member.start(scope, { name, database, onCrash, onEvent, ...ports }));
    }
    const witness = join(await makeTempDir(scope), "witness");
    writeFileSync(witness, "");
    const cluster = new Cluster(scope, { postgres, nats, members, witness, crashes });
    try {
      await cluster.waitUntilReady(30_000);
      await cluster.#startAgents(options);
      await cluster.waitForAgents(options.realAgents + options.simulatedAgents, 90_000);
    } catch (error) {
      await cluster.end();
      throw error;
    }
    return cluster;
  }

  /** Every server finds its database and its bus. */
  async waitUntilReady(timeoutMs: number): Promise<void> {
    for (const member of this.members) {
      await waitUntil(
        `${member.name} to be ready`,
        async () => {
          const answer = await fetch(`${member.url}/readyz`, { signal: AbortSignal.timeout(2000) });
          return answer.ok && ((await answer.json()) as { status: string }).status === "ok";
        },
        { timeoutMs, everyMs: 100, explain: () => member.describe() },
      );
    }
  }

  /** Every server shows that many agents online and no other agents. */
  async waitForAgents(count: number, timeoutMs: number): Promise<void> {
    let seen = "";
    for (const member of this.members) {
      await waitUntil(
        `${count} agents online, seen from ${member.name}`,
        async () => {
          const answer = await this.ask(member, "GET", "system");
          seen = answer?.text ?? "no answer";
          const counts = (JSON.parse(seen) as { agents: AgentCounts }).agents;
          return counts.online === count && counts.total === count && counts.conflicts === 0;
        },
        { timeoutMs, everyMs: 200, explain: () => seen },
      );
    }
  }

  async listAgentIds(): Promise<string[]> {
    const [member] = this.members;
    const answer = member && (await this.ask(member, "GET", "agents?limit=1000"));
    return (JSON.parse(answer?.text ?? "") as Page<{ id: string }>).items.map((agent) => agent.id);
  }

  /** One call to one server as its admin; undefined when nobody is there. */
  async ask(
    member: Member,
    method: string,
    path: string,
    more: { readonly body?: unknown; readonly key?: string; readonly timeoutMs?: number } = {},
  ): Promise<Answer | undefined> {
    try {
      const response = await fetch(`${member.url}/fleet/v1/${path}`, {
        method,
        headers: {
          authorization: `Bearer ${API_TOKEN}`,
          ...(more.key === undefined ? {} : { "idempotency-key": more.key }),
          ...(more.body === undefined ? {} : { "content-type": "application/json" }),
        },
        signal: AbortSignal.timeout(more.timeoutMs ?? 10_000),
        ...(more.body === undefined ? {} : { body: JSON.stringify(more.body) }),
      });
      return { status: response.status, text: await response.text() };
    } catch (error) {
      return error instanceof Error && error.name === "TimeoutError" ? { status: 0, text: "" } : undefined;
    }
  }

  /** kill -9 of one process with agents, and a new one over the same journal. */
  async killAgents(random: () => number): Promise<void> {
    const chosen = this.#agents[Math.floor(random() * this.#agents.length)];
    if (!chosen) return;
    await chosen.process.stop("SIGKILL");
    chosen.process = this.#launch(chosen);
  }

  /** Ends servers and agents; the engines end with the scope. */
  async end(): Promise<void> {
    await Promise.all([
      ...this.members.map((member) => member.end()),
      ...this.#agents.map(({ process }) => process.stop("SIGKILL")),
    ]);
  }

  async #startAgents(options: ClusterOptions): Promise<void> {
    const servers = this.members.map((member) => member.url);
    for (let index = 0; index < options.realAgents; index++) {
      const dataDir = await makeTempDir(this.#scope);
      const rotated = [...servers.slice(index % servers.length), ...servers.slice(0, index % servers.length)];
      this.#add(dataDir, [
        ...[MUSTER, "agent", "--token", ENROLLMENT_TOKEN, "--data-dir", dataDir, "--log-level", "warn"],
        ...["--id", `real-${index}`, "--name", `real-${index}`, "--label", `chaos=g${index % 4}`],
        ...["--reconnect-min", "200ms", "--reconnect-max", "2s"],
        ...rotated.flatMap((server) => ["--server", server]),
      ]);
    }
    const ids = Array.from({ length: options.simulatedAgents }, (_, index) => `sim-${index}`);
    for (let host = 0; host < options.hosts && ids.length > 0; host++) {
      const dataDir = await makeTempDir(this.#scope);
      const settings: AgentHostSettings = {
        ids: ids.filter((_, index) => index % options.hosts === host),
        servers,
        token: ENROLLMENT_TOKEN,
        witness: this.witness,
        journal: join(dataDir, "journal"),
      };
      this.#add(dataDir, [HOST_PROGRAM, JSON.stringify(settings)]);
    }
  }

  #add(dataDir: string, args: readonly string[]): void {
    this.#agents.push({ dataDir, args, process: this.#launch({ dataDir, args }) });
  }

  #launch({ dataDir, args }: { readonly dataDir: string; readonly args: readonly string[] }): LaunchedProcess {
    return launchProcess(this.#scope, { args, cwd: dataDir, env: { WITNESS: this.witness } });
  }
}
