import { G0_ACTIONS, type G0ConfigUpdateInfo, UpdateStatus } from "@muster/protocols/configserver";
import { type Ask, CallFailed } from "./http.ts";
import {
  AGENT_TYPE,
  describeHost,
  firstOfEach,
  type Generation,
  RUNNING,
  type TurnOptions,
  toSeconds,
} from "./turn.ts";

const STATISTICS_EVERY_MS = 60_000;
/** Alarms that wait for a server. */
const MAX_ALARMS = 100;
/** An original server knows an agent only a second after its first heartbeat. */
const UNKNOWN_AGAIN_MS = 1500;

/** The seed's agent: a heartbeat, then what has changed since the versions that it has. */
export class GenerationG0 implements Generation {
  readonly #options: TurnOptions;
  readonly #alarms: { readonly type: string; readonly detail: string }[] = [];
  #measuredAt: number | undefined;
  #usedMs = 0;

  constructor(options: TurnOptions) {
    this.#options = options;
  }

  async turn(ask: Ask): Promise<{ againMs?: number }> {
    const { id: agentId, labels, startedAt } = this.#options;
    const { version: agentVersion, ip } = describeHost();
    await ask(G0_ACTIONS.HeartBeat, {
      ...{ agentId, agentType: AGENT_TYPE, agentVersion, ip, runningStatus: RUNNING },
      tags: new Map(Object.entries(labels)),
      startupTime: toSeconds(startedAt),
    });
    await this.#tellStatistics(ask);
    await this.#tellAlarms(ask);
    try {
      await this.#askForConfigs(ask);
    } catch (error) {
      const isUnknown = error instanceof CallFailed && error.trouble.kind === "refused";
      if (isUnknown && error.trouble.code === "AgentNotExist") return { againMs: UNKNOWN_AGAIN_MS };
      throw error;
    }
    return {};
  }

  onFailed({ name, version, error }: { name: string; version: number | null; error: string }): void {
    if (this.#alarms.length >= MAX_ALARMS) this.#alarms.shift();
    this.#alarms.push({ type: "CONFIG_FAILED", detail: `config ${name}, version ${version}: ${error}` });
  }

  async #askForConfigs(ask: Ask): Promise<void> {
    const { id: agentId, intake } = this.#options;
    const held = [...intake.versions("pipeline")].map(({ name, version }) => [name, version] as const);
    const message = { agentId, configVersions: new Map(held) };
    const { configUpdateInfos } = await ask(G0_ACTIONS.GetConfigList, message);
    for (const info of firstOfEach(configUpdateInfos, ({ configName }) => configName)) this.#follow(info);
  }

  /** The version of what has not changed is no version. */
  #follow({ configName: name, updateStatus, configVersion: version, content: text }: G0ConfigUpdateInfo): void {
    const { intake, complain } = this.#options;
    if (updateStatus === UpdateStatus.SAME) return;
    if (updateStatus === UpdateStatus.DELETED) intake.remove("pipeline", name);
    else if (intake.isSettled("pipeline", name, version)) return;
    else if (version < (intake.newest("pipeline", name) ?? 0))
      complain("config was left aside: its version goes back", { name, version });
    else if (text === "") complain("config was left aside: it came without a text", { name, version });
    else intake.offer({ kind: "pipeline", name, version, text });
  }

  async #tellStatistics(ask: Ask): Promise<void> {
    const now = this.#options.clock.monotonic();
    if (this.#measuredAt !== undefined && now - this.#measuredAt < STATISTICS_EVERY_MS) return;
    const { user, system } = process.cpuUsage();
    const usedMs = (user + system) / 1000;
    const spanMs = this.#measuredAt === undefined ? 0 : now - this.#measuredAt;
    const cpu = spanMs > 0 ? ((usedMs - this.#usedMs) / spanMs) * 100 : 0;
    this.#measuredAt = now;
    this.#usedMs = usedMs;
    const held = [...this.#options.intake.versions("pipeline")].length;
    const runningDetails = { cpu, memory: process.memoryUsage.rss(), extras: new Map([["configs", String(held)]]) };
    await ask(G0_ACTIONS.RunningStatistics, { agentId: this.#options.id, runningDetails });
  }

  async #tellAlarms(ask: Ask): Promise<void> {
    for (let alarm = this.#alarms[0]; alarm; alarm = this.#alarms[0]) {
      await ask(G0_ACTIONS.Alarm, { agentId: this.#options.id, ...alarm });
      if (this.#alarms[0] === alarm) this.#alarms.shift();
    }
  }
}
