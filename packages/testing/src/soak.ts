import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { delay, systemClock } from "@muster/core";
import type { Command, Page } from "@muster/core/resources";
import { compareLedger, type LedgerComparison } from "./ledger-check.ts";
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
export interface SoakOutcome extends LedgerComparison {
  readonly acknowledged: number;
  readonly serverKills: number;
  readonly agentKills: number;
}

interface SoakHost {
  readonly id: string;
  readonly dataDir: string;
  process: LaunchedProcess;
}

/** A machine that is this busy is slow to bury the dead. */
const KILLED_WITHIN_MS = 120_000;

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
    const killers = Promise.all([this.#killServers(), this.#killAgents()]);
    killers.catch(() => {
      this.#killing = false; // nobody brings the server back, so the callers must not wait for it
    });
    const callers = Array.from({ length: this.#options.callers }, () => this.#giveCommands());
    await Promise.race([Promise.all(callers), killers]);
    this.#killing = false;
    await killers;
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
    while (this.#killing) {
      const answer = await this.#call("POST", "commands", { body, headers: { "idempotency-key": `soak-${number}` } });
      if (answer?.ok) return ((await answer.json()) as Command).id;
      if (answer && answer.status < 500) throw new Error(`command ${number}: ${answer.status} ${await answer.text()}`);
      await delay(systemClock, 100);
    }
    throw new Error(`command ${number}: the server is gone`);
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
      await this.#server.process.stop("SIGKILL", KILLED_WITHIN_MS);
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
      await host.process.stop("SIGKILL", KILLED_WITHIN_MS);
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
    const comparison = await compareLedger({
      acknowledged: this.#acknowledged,
      witness: this.#witness,
      settleMs: this.#options.settleMs,
      call: (method, path) => this.#call(method, path),
    });
    return {
      acknowledged: this.#acknowledged.length,
      serverKills: this.#serverKills,
      agentKills: this.#agentKills,
      ...comparison,
    };
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

function serverOptions(options: SoakOptions) {
  return { flags: ["--log-level", "warn"], ...(options.serverProgram ? { program: options.serverProgram } : {}) };
}
