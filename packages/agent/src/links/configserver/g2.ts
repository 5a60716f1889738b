import { createHash } from "node:crypto";
import {
  AgentCapability,
  DELETED_VERSION,
  G2_ACTIONS,
  type G2CommandDetail,
  type G2ConfigDetail,
  RequestFlag,
  ResponseFlag,
  ServerCapability,
} from "@muster/protocols/configserver";
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

const CAPABILITIES =
  AgentCapability.CONTINUOUS_PIPELINE_CONFIG |
  AgentCapability.INSTANCE_CONFIG |
  AgentCapability.ONETIME_PIPELINE_CONFIG;
/** With all of these a server needs to be told only what has changed. */
const REMEMBERS_ALL =
  ServerCapability.ATTRIBUTES |
  ServerCapability.CONTINUOUS_PIPELINE_CONFIG_STATUS |
  ServerCapability.INSTANCE_CONFIG_STATUS |
  ServerCapability.ONETIME_PIPELINE_CONFIG_STATUS;
/** After a server asked for everything. */
const TELL_ALL_MS = 1000;
/** Times of this protocol are in seconds; what is larger than the year 9999 is no time. */
const LATEST_SECONDS = 253_402_300_799;

type Kind = "pipeline" | "settings";

/** LoongCollector's protocol as it is specified: verdicts, deletions, one-time configs, and beats that say only what is new. */
export class GenerationG2 implements Generation {
  readonly #options: TurnOptions;
  readonly #instanceId: Uint8Array;
  #sequence = 0;
  /** Who was told what last, and remembers it; undefined when everything has to be told. */
  #told: { readonly server: string; readonly state: string } | undefined;

  constructor(options: TurnOptions) {
    this.#options = options;
    this.#instanceId = Buffer.from(options.id);
  }

  async turn(ask: Ask, server: string): Promise<{ againMs?: number }> {
    const state = describeState(this.#options);
    const text = JSON.stringify(state);
    const isNews = this.#told?.server !== server || this.#told.state !== text;
    const sequenceNum = this.#sequence;
    this.#sequence += 1;
    this.#told = undefined;
    const answer = await ask(G2_ACTIONS.Heartbeat, {
      ...{ sequenceNum, instanceId: this.#instanceId },
      ...(isNews ? encodeState(state) : {}),
    });
    const wantsAll = (answer.flags & ResponseFlag.REPORT_FULL_STATE) !== 0;
    const remembers = (answer.capabilities & REMEMBERS_ALL) === REMEMBERS_ALL;
    if (remembers && !wantsAll) this.#told = { server, state: text };
    const { flags } = answer;
    await this.#follow(ask, "pipeline", {
      updates: answer.continuousPipelineConfigUpdates,
      mayFetch: (flags & ResponseFlag.FETCH_CONTINUOUS_PIPELINE_CONFIG_DETAIL) !== 0,
    });
    await this.#follow(ask, "settings", {
      updates: answer.instanceConfigUpdates,
      mayFetch: (flags & ResponseFlag.FETCH_INSTANCE_CONFIG_DETAIL) !== 0,
    });
    for (const command of firstOfEach(answer.onetimePipelineConfigUpdates, ({ name }) => name)) this.#takeOnce(command);
    return wantsAll && !isNews ? { againMs: TELL_ALL_MS } : {};
  }

  async #follow(
    ask: Ask,
    kind: Kind,
    { updates, mayFetch }: { readonly updates: readonly G2ConfigDetail[]; readonly mayFetch: boolean },
  ): Promise<void> {
    const { intake } = this.#options;
    const missing: G2ConfigDetail[] = [];
    for (const update of firstOfEach(updates, ({ name }) => name)) {
      const { name, version, detail } = update;
      if (version === DELETED_VERSION) intake.remove(kind, name);
      else if (!this.#isWanted(kind, update)) continue;
      else if (detail.length === 0 && mayFetch) missing.push(update);
      else this.#take(kind, update);
    }
    if (missing.length === 0) return;
    const fetched = await this.#fetch(ask, kind, missing);
    for (const { name, version } of missing) {
      const update = fetched.find((each) => each.name === name) ?? { name, version, detail: new Uint8Array(0) };
      if (this.#isWanted(kind, update)) this.#take(kind, update);
    }
  }

  /** Any other version is an update, not only a higher one. */
  #isWanted(kind: Kind, { name, version }: Pick<G2ConfigDetail, "name" | "version">): boolean {
    const { intake, complain } = this.#options;
    if (version > 0) return !intake.isSettled(kind, name, version);
    complain("config was left aside: its version is none", { name, version });
    return false;
  }

  #take(kind: Kind, { name, version, detail }: Pick<G2ConfigDetail, "name" | "version" | "detail">): void {
    const { intake, complain } = this.#options;
    const text = decodeText(detail);
    if (text) intake.offer({ kind, name, version, text });
    else complain("config was left aside: it came without a text", { name, version });
  }

  /** Original servers know one path per kind, the specification one for all. */
  async #fetch(ask: Ask, kind: Kind, wanted: readonly G2ConfigDetail[]): Promise<readonly G2ConfigDetail[]> {
    const configs = wanted.map(({ name, version }) => ({ name, version }));
    const instanceId = this.#instanceId;
    const request =
      kind === "pipeline"
        ? { instanceId, continuousPipelineConfigs: configs }
        : { instanceId, instanceConfigs: configs };
    const own = kind === "pipeline" ? G2_ACTIONS.FetchPipelineConfig : G2_ACTIONS.FetchInstanceConfig;
    const answer = await ask(own, request).catch((error: unknown) => {
      if (error instanceof CallFailed && error.isUnknown) return ask(G2_ACTIONS.FetchConfig, request);
      throw error;
    });
    return kind === "pipeline" ? answer.continuousPipelineConfigUpdates : answer.instanceConfigUpdates;
  }

  /** They have no versions: the text is what tells two of one name apart. */
  #takeOnce({ name, detail, expireTime }: G2CommandDetail): void {
    const { intake, clock, complain } = this.#options;
    const text = decodeText(detail);
    const expiresAt = Math.min(expireTime, LATEST_SECONDS) * 1000;
    const version = createHash("sha256").update(`${expireTime}\0${text}`).digest().readUIntBE(0, 6) + 1;
    if (expiresAt <= clock.now()) complain("one-time config was left aside: its time is over", { name });
    else if (!text) complain("config was left aside: it came without a text", { name });
    else if (!intake.isSettled("onetime", name, version))
      intake.offer({ kind: "onetime", name, version, text, expiresAt });
  }
}

type State = ReturnType<typeof describeState>;

/** Everything of an agent; its attributes are texts until they are sent. */
function describeState({ labels, intake, startedAt }: TurnOptions) {
  return {
    capabilities: CAPABILITIES,
    agentType: AGENT_TYPE,
    attributes: describeHost(),
    tags: Object.entries(labels).map(([name, value]) => ({ name, value })),
    runningStatus: RUNNING,
    startupTime: toSeconds(startedAt),
    continuousPipelineConfigs: [...intake.reports("pipeline")],
    instanceConfigs: [...intake.reports("settings")],
    onetimePipelineConfigs: [...intake.reports("onetime")],
  };
}

function encodeState({ attributes, ...rest }: State) {
  const { version, ip, hostname } = attributes;
  const asBytes = { version: Buffer.from(version), ip: Buffer.from(ip), hostname: Buffer.from(hostname) };
  return { ...rest, attributes: asBytes, flags: RequestFlag.FULL_STATE };
}

function decodeText(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
