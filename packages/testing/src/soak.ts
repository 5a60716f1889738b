import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { delay, systemClock } from "@muster/core";
import type { Command, Page, Run, RunStatus } from "@muster/core/resources";
import { FINAL_RUN_STATUSES, RUN_STATUSES } from "@muster/core/resources";
import { type LaunchedProcess, launchProcess } from "./process.ts";
import { MUSTER, type RunningServer, startServer } from "./programs.ts";
import { makeTempDir, type Scope } from "./scope.ts";
import { waitUntil } from "./wait.ts";

/** How hard the ledger is tried. */
export interface SoakOptions {
  readonly agents: number;
  readonly commands: number;
  /** Mean time between two kills of the server, and of some agent. */
  readonly serverKillMs: number;
  readonly agentKillMs: number;
  /** Commands under way at once. */
  readonly callers: number;
  /** How long everything may take to end after the last command was given. */
  readonly settleMs: number;
  readonly serverProgram?: readonly string[];
  readonly agentProgram?: readonly string[];
  readonly say?: (text: string) => void;
}

/** What the ledger and the hosts say afterwards. */
export interface SoakOutcome {
  readonly acknowledged: number;
  readonly runs: number;
  readonly serverKills: number;
  readonly agentKills: number;
  /** Acknowledged commands or runs of them that the server no longer knows. */
  readonly lost: readonly string[];
  /** Runs that began more than once, by the witness file that every run appends to. */
  readonly startedTwice: readonly string[];
  /** Runs that are in no final state although everybody had time. */
  readonly unfinished: readonly string[];
  /** Succeeded without a trace on the host, or with a trace although the ledger says it never started. */
  readonly contradictions: readonly string[];
  readonly states: Readonly<Partial<Record<RunStatus, number>>>;
}

interface SoakHost {
  readonly id: string;
  readonly dataDir: string;
  process: LaunchedProcess;
}

/** Gives commands to real agents while server and agents are killed at random, then compares the ledger with the hosts. */
export async function soakLedger(scope: Scope, options: SoakOptions): Promise<SoakOutcome> {
  const soak = await Soak.start(scope, options);
  return soak.run();
}

class Soak {
  readonly #scope: Scope;
  readonly #options: SoakOptions;
  readonly #hosts: SoakHost[] = [];
  readonly #acknowledged: string[] = [];
  readonly #witness: string;
  #server: RunningServer;
  #given = 0;
  #serverKills = 0;
  #agentKills = 0;
  #killing = true;

  private constructor(scope: Scope, options: SoakOptions, parts: { server: RunningServer; witness: string }) {
    this.#scope = scope;
    this.#options = options;
    this.#server = parts.server;
    this.#witness = parts.witness;
  }

  static async start(scope: Scope, options: SoakOptions): Promise<Soak> {
    const witness = join(await makeTempDir(scope), "witness");
    writeFileSync(witness, "");
    const server = await startServer(scope, serverOptions(options));
    const soak = new Soak(scope, options, { server, witness });
    for (let index = 0; index < options.agents; index++) {
      const host = { id: `soak-${index}`, dataDir: await makeTempDir(scope) };
      soak.#hosts.push({ ...host, process: soak.#launchAgent(host) });
      if (index % 10 === 9) await delay(systemClock, 100); // a machine of two cores needs to breathe
    }
    await waitUntil("every agent to be online", async () => (await soak.#countOnline()) === options.agents, {
      timeoutMs: 60_000 + options.agents * 1000,
    });
    return soak;
  }

  async run(): Promise<SoakOutcome> {
    const killers = [this.#killServers(), this.#killAgents()];
    await Promise.all(Array.from({ length: this.#options.callers }, () => this.#giveCommands()));
    this.#killing = false;
    await Promise.all(killers);
    this.#say("all commands are given; waiting for the ends");
    return this.#compare();
  }

  async #giveCommands(): Promise<void> {
    while (this.#given < this.#options.commands) {
      const number = this.#given++;
      if (number % 500 === 0) this.#say(`command ${number} of ${this.#options.commands}`);
      const id = await this.#giveOne(number);
      this.#acknowledged.push(id);
      await delay(systemClock, 20);
    }
  }

  /** Repeats under one idempotency key until the server acknowledges: it may be killed before, while and after it stores. */
  async #giveOne(number: number): Promise<string> {
    const wanted =
      number % 20 === 0 ? { selector: `soak=g${number % 4}` } : { ids: await this.#someAgents(1 + (number % 3)) };
    const pause = number % 3 === 0 ? "sleep 0.3" : "true";
    const body = JSON.stringify({
      text: `echo "$MUSTER_RUN_ID" >> "$WITNESS"; echo out; ${pause}`,
      targets: wanted,
      timeoutMs: 20_000,
      expiresInMs: 120_000,
    });
    for (;;) {
      const answer = await this.#call("POST", "commands", { body, headers: { "idempotency-key": `soak-${number}` } });
      if (answer?.ok) return ((await answer.json()) as Command).id;
      if (answer && answer.status < 500) throw new Error(`command ${number}: ${answer.status} ${await answer.text()}`);
      await delay(systemClock, 100);
    }
  }

  #agentIds: string[] = [];

  async #someAgents(count: number): Promise<string[]> {
    while (this.#agentIds.length === 0) {
      const answer = await this.#call("GET", "agents?limit=1000");
      if (answer?.ok) this.#agentIds = ((await answer.json()) as Page<{ id: string }>).items.map((agent) => agent.id);
      else await delay(systemClock, 100);
    }
    return Array.from(
      { length: count },
      () => this.#agentIds[Math.floor(Math.random() * this.#agentIds.length)] as string,
    );
  }

  async #killServers(): Promise<void> {
    while (this.#killing) {
      await delay(systemClock, this.#options.serverKillMs * (0.5 + Math.random()));
      if (!this.#killing) return;
      await this.#server.process.stop("SIGKILL");
      this.#serverKills++;
      await delay(systemClock, Math.random() * 500);
      this.#server = await startServer(this.#scope, {
        ...serverOptions(this.#options),
        dataDir: this.#server.dataDir,
        port: this.#server.port,
      });
    }
  }

  async #killAgents(): Promise<void> {
    while (this.#killing) {
      await delay(systemClock, this.#options.agentKillMs * (0.5 + Math.random()));
      const host = this.#hosts[Math.floor(Math.random() * this.#hosts.length)];
      if (!this.#killing || !host) return;
      await host.process.stop("SIGKILL");
      this.#agentKills++;
      await delay(systemClock, Math.random() * 300);
      host.process = this.#launchAgent(host);
    }
  }

  #launchAgent(host: { id: string; dataDir: string }): LaunchedProcess {
    const group = Number(host.id.split("-")[1]) % 4;
    return launchProcess(this.#scope, {
      args: [
        ...(this.#options.agentProgram ?? [MUSTER, "agent"]),
        ...[
          "--server",
          this.#server.url,
          "--token",
          this.#server.enrollmentToken,
          "--data-dir",
          host.dataDir,
          "--id",
          host.id,
        ],
        ...["--label", `soak=g${group}`, "--reconnect-min", "200ms", "--reconnect-max", "2s", "--log-level", "warn"],
      ],
      cwd: host.dataDir,
      env: { WITNESS: this.#witness },
    });
  }

  async #compare(): Promise<SoakOutcome> {
    const runs: Run[] = [];
    const lost: string[] = [];
    const deadline = systemClock.monotonic() + this.#options.settleMs;
    for (const id of this.#acknowledged) {
      const found = await this.#runsWhenEnded(id, deadline);
      if (!found) lost.push(id);
      else runs.push(...found);
    }
    const marks = new Map<string, number>();
    for (const line of readFileSync(this.#witness, "utf8").split("\n"))
      if (line !== "") marks.set(line, (marks.get(line) ?? 0) + 1);
    const states: Partial<Record<RunStatus, number>> = {};
    for (const status of RUN_STATUSES) {
      const count = runs.filter((run) => run.status === status).length;
      if (count > 0) states[status] = count;
    }
    return {
      acknowledged: this.#acknowledged.length,
      runs: runs.length,
      serverKills: this.#serverKills,
      agentKills: this.#agentKills,
      lost,
      startedTwice: [...marks].filter(([, count]) => count > 1).map(([id]) => id),
      unfinished: runs
        .filter((run) => !FINAL_RUN_STATUSES.includes(run.status))
        .map((run) => `${run.id} ${run.status}`),
      contradictions: runs
        .filter((run) => contradicts(run, marks.get(run.id) ?? 0))
        .map((run) => `${run.id} ${run.status} ${marks.get(run.id) ?? 0}`),
      states,
    };
  }

  /** The runs of a command once it has ended, or as they are at the deadline; undefined when it is not known. */
  async #runsWhenEnded(commandId: string, deadline: number): Promise<Run[] | undefined> {
    for (;;) {
      const answer = await this.#call("GET", `commands/${commandId}`);
      if (answer?.status === 404) return undefined;
      if (answer?.ok) {
        const command = (await answer.json()) as Command;
        if (command.finishedAt !== null || systemClock.monotonic() > deadline) break;
      }
      await delay(systemClock, 100);
    }
    const answer = await this.#call("GET", `commands/${commandId}/runs?limit=1000`);
    return answer?.ok ? ((await answer.json()) as Page<Run>).items : undefined;
  }

  async #countOnline(): Promise<number> {
    const answer = await this.#call("GET", "agents?status=online&limit=1");
    return answer?.ok ? ((await answer.json()) as { total: number }).total : 0;
  }

  /** Undefined when nobody answers. */
  async #call(
    method: string,
    path: string,
    what: { body?: string; headers?: Record<string, string> } = {},
  ): Promise<Response | undefined> {
    const headers = {
      authorization: `Bearer ${this.#server.apiToken}`,
      ...(what.body ? { "content-type": "application/json" } : {}),
      ...what.headers,
    };
    const init = { method, headers, signal: AbortSignal.timeout(10_000), ...(what.body ? { body: what.body } : {}) };
    return fetch(`${this.#server.url}/fleet/v1/${path}`, init).catch(() => undefined);
  }

  #say(text: string): void {
    this.#options.say?.(`${text} (${this.#serverKills} server kills, ${this.#agentKills} agent kills)`);
  }
}

function contradicts(run: Run, marks: number): boolean {
  if (run.status === "succeeded") return marks !== 1;
  return (run.status === "expired" || run.status === "rejected" || run.status === "queued") && marks > 0;
}

function serverOptions(options: SoakOptions) {
  return { flags: ["--log-level", "warn"], ...(options.serverProgram ? { program: options.serverProgram } : {}) };
}
