import {
  CheckStatus,
  ConfigType,
  G1_ACTIONS,
  type G1ConfigCheckResult,
  type G1ConfigDetail,
} from "@muster/protocols/configserver";
import type { Ask } from "./http.ts";
import {
  AGENT_TYPE,
  describeHost,
  firstOfEach,
  type Generation,
  RUNNING,
  type TurnOptions,
  toSeconds,
} from "./turn.ts";

const TYPES = { pipeline: ConfigType.PIPELINE_CONFIG, settings: ConfigType.AGENT_CONFIG } as const;
type Kind = keyof typeof TYPES;

/** iLogtail's agent: the heartbeat tells what differs, a second request fetches it. */
export class GenerationG1 implements Generation {
  readonly #options: TurnOptions;

  constructor(options: TurnOptions) {
    this.#options = options;
  }

  async turn(ask: Ask): Promise<{ againMs?: number }> {
    const { id: agentId, labels, intervalMs, startedAt } = this.#options;
    const { pipelineCheckResults, agentCheckResults } = await ask(G1_ACTIONS.HeartBeat, {
      ...{ agentId, agentType: AGENT_TYPE, attributes: describeHost(), runningStatus: RUNNING },
      // this generation knows no names of tags
      tags: Object.values(labels),
      startupTime: toSeconds(startedAt),
      interval: Math.ceil(intervalMs / 1000),
      pipelineConfigs: this.#listHeld("pipeline"),
      agentConfigs: this.#listHeld("settings"),
    });
    const pipelines = this.#follow("pipeline", pipelineCheckResults);
    const settings = this.#follow("settings", agentCheckResults);
    if (pipelines.length > 0) {
      const reqConfigs = pipelines.map(toRequest);
      const { configDetails } = await ask(G1_ACTIONS.FetchPipelineConfig, { agentId, reqConfigs });
      this.#take("pipeline", pipelines, configDetails);
    }
    if (settings.length > 0) {
      const request = { agentId, attributes: describeHost(), reqConfigs: settings.map(toRequest) };
      const { configDetails } = await ask(G1_ACTIONS.FetchAgentConfig, request);
      this.#take("settings", settings, configDetails);
    }
    return {};
  }

  #listHeld(kind: Kind) {
    return [...this.#options.intake.versions(kind)].map((held) => ({ ...held, type: TYPES[kind] }));
  }

  /** Removes what is to go, and says what is to be fetched. */
  #follow(kind: Kind, results: readonly G1ConfigCheckResult[]): G1ConfigCheckResult[] {
    const { intake, complain } = this.#options;
    return firstOfEach(results, ({ name }) => name).filter(({ name, checkStatus, newVersion: version, type }) => {
      if (checkStatus === CheckStatus.DELETED) {
        intake.remove(kind, name);
        return false;
      }
      if (type !== TYPES[kind]) {
        complain("config was left aside: it is announced as another kind", { name, type });
        return false;
      }
      if (intake.isSettled(kind, name, version)) return false;
      if (version >= (intake.newest(kind, name) ?? 0)) return true;
      complain("config was left aside: its version goes back", { name, version });
      return false;
    });
  }

  /** Nothing is written for what was announced and not given, nor for a text that is older than announced. */
  #take(kind: Kind, wanted: readonly G1ConfigCheckResult[], details: readonly G1ConfigDetail[]): void {
    const { intake, complain } = this.#options;
    for (const { name, newVersion } of wanted) {
      const detail = details.find((each) => each.name === name && each.type === TYPES[kind]);
      if (!detail || detail.detail === "" || detail.version < newVersion) {
        complain("config was announced and not given", { name, version: newVersion, given: detail?.version });
        continue;
      }
      const { version, detail: text } = detail;
      if (!intake.isSettled(kind, name, version)) intake.offer({ kind, name, version, text });
    }
  }
}

function toRequest({ type, name, newVersion, context }: G1ConfigCheckResult) {
  return { type, name, version: newVersion, context };
}
