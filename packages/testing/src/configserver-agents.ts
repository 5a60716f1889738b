import { createConfigServerClient } from "./configserver-calls.ts";
import { G0, G1, G2 } from "./configserver-schemas.ts";
import type { TinyMessage } from "./tiny-protobuf.ts";

/** How a polling agent is set up. */
export interface PollingAgentOptions {
  /** Up to and without `/Agent`. */
  readonly url: string;
  /** The part of its id that is the machine's; each start adds its own. */
  readonly host: string;
  readonly tags?: Readonly<Record<string, string>>;
  /** For texts that it refuses, where its generation can say so. */
  readonly refuses?: (text: string) => boolean;
}

/** An agent that asks now and then. It keeps what it was given by name, as its folder of files would. */
export interface PollingAgent {
  readonly id: string;
  readonly files: ReadonlyMap<string, string>;
  /** The versions that it reports. */
  readonly versions: ReadonlyMap<string, number>;
  /** One turn of its loop. Rejects only when no answer came. */
  poll(): Promise<void>;
  /** Starts again: with a new id, and what its kind remembers. */
  restart(): void;
}

let starts = 0;

function newId(host: string): string {
  starts++;
  return `${host}_127.0.0.1_${1_700_000_000 + starts}`;
}

/** Numbers of the statuses of G0 and G1. */
const STATUS_0 = { same: 0, new: 1, deleted: 2, modified: 3 } as const;
const STATUS_1 = { new: 0, deleted: 1, modified: 2 } as const;

/** The agent of the seed, which no release ever was: it keeps its files over a restart. */
export class PollingAgentG0 implements PollingAgent {
  id: string;
  readonly files = new Map<string, string>();
  readonly versions = new Map<string, number>();
  readonly #options: PollingAgentOptions;
  #serial = 0;

  constructor(options: PollingAgentOptions) {
    this.#options = options;
    this.id = newId(options.host);
  }

  restart(): void {
    this.id = newId(this.#options.host);
  }

  async poll(): Promise<void> {
    const client = createConfigServerClient(this.#options.url, G0);
    const agent_id = this.id;
    await client.agent("HeartBeat", {
      ...{ request_id: String(++this.#serial), agent_id, agent_type: "ilogtail", agent_version: "1.1.1" },
      ...{ ip: "127.0.0.1", tags: this.#options.tags ?? {}, running_status: "good", startup_time: 100 },
    });
    const request_id = String(++this.#serial);
    const config_versions = Object.fromEntries(this.versions);
    const { body } = await client.agent("GetConfigList", { request_id, agent_id, config_versions });
    if (body?.response_id !== request_id) return;
    for (const { config_name: name, update_status, config_version, content } of body.config_update_infos) {
      if (update_status === STATUS_0.deleted) {
        this.files.delete(name);
        this.versions.delete(name);
      } else if (update_status !== STATUS_0.same) {
        this.files.set(name, content);
        this.versions.set(name, config_version);
      }
    }
  }
}

/**
 * iLogtail 1.6 to 1.8. It believes any answer that carries its request id, whatever status it came with; it writes what it was
 * announced under the announced version even when the fetch left it out: empty, or with the text of the one before.
 */
export class PollingAgentG1 implements PollingAgent {
  id: string;
  readonly files = new Map<string, string>();
  readonly versions = new Map<string, number>();
  /** Files that it wrote without having been given their text. */
  readonly ruined: string[] = [];
  readonly #options: PollingAgentOptions;
  #serial = 0;

  constructor(options: PollingAgentOptions) {
    this.#options = options;
    this.id = newId(options.host);
  }

  /** Its files outlive it, and name and version are read back from their names. */
  restart(): void {
    this.id = newId(this.#options.host);
    const found = [...this.files].map(([name, text]) => [`${name}@${this.versions.get(name)}.yaml`, text] as const);
    this.files.clear();
    this.versions.clear();
    for (const [file, text] of found) {
      const parts = file.replace(/\.yaml$/, "").split("@");
      if (parts.length !== 2) continue;
      this.files.set(parts[0] ?? "", text);
      this.versions.set(parts[0] ?? "", Number(parts[1]));
    }
  }

  async poll(): Promise<void> {
    const results = await this.#beat();
    if (results.length === 0) return;
    const details = await this.#fetch(results.filter((result) => result.check_status !== STATUS_1.deleted));
    let lastText = "";
    for (const result of results) {
      if (result.check_status === STATUS_1.deleted) {
        this.files.delete(result.name);
        this.versions.delete(result.name);
        continue;
      }
      const detail = details.find((one) => one.name === result.name);
      if (!detail) this.ruined.push(result.name);
      lastText = detail?.detail ?? lastText;
      this.files.set(result.name, lastText);
      this.versions.set(result.name, result.new_version);
    }
  }

  async #beat(): Promise<TinyMessage[]> {
    const request_id = Buffer.from(`heartbeat${++this.#serial}`).toString("base64");
    const { body } = await createConfigServerClient(this.#options.url, G1).agent("HeartBeat", {
      ...{ request_id, agent_id: this.id, agent_type: "iLogtail" },
      ...{ attributes: { version: "1.8.8", ip: "127.0.0.1" }, tags: Object.values(this.#options.tags ?? {}) },
      interval: 10,
      pipeline_configs: [...this.versions].map(([name, version]) => ({ name, version })),
    });
    return body?.response_id === request_id ? body.pipeline_check_results : [];
  }

  async #fetch(wanted: readonly TinyMessage[]): Promise<TinyMessage[]> {
    const request_id = Buffer.from(`${this.id}_${++this.#serial}`).toString("base64");
    const req_configs = wanted.map(({ name, new_version, context }) => ({ name, version: new_version, context }));
    const { body } = await createConfigServerClient(this.#options.url, G1).agent("FetchPipelineConfig", {
      ...{ request_id, agent_id: this.id, req_configs },
    });
    return body?.response_id === request_id ? body.config_details : [];
  }
}

const STATUS_2 = { applying: 1, applied: 2, failed: 3 } as const;
const FETCH_PIPELINES = 2;

interface Running {
  readonly version: number;
  status: number;
  readonly message: string;
}

/**
 * LoongCollector. It applies whatever an answer holds, of whatever status; always tells everything; calls a text applied one
 * beat after it took it, or failed when it cannot read it, and then keeps what it had.
 */
export class PollingAgentG2 implements PollingAgent {
  id: string;
  readonly files = new Map<string, string>();
  readonly settings = new Map<string, string>();
  /** How often it was given each config: what is sent without need makes it start anew. */
  readonly received = new Map<string, number>();
  readonly #pipelines = new Map<string, Running>();
  readonly #instances = new Map<string, Running>();
  readonly #options: PollingAgentOptions;
  #sequence = 0;

  constructor(options: PollingAgentOptions) {
    this.#options = options;
    this.id = newId(options.host);
  }

  get versions(): ReadonlyMap<string, number> {
    return new Map([...this.#pipelines].map(([name, { version }]) => [name, version]));
  }

  /** Versions are read back from its files; until the pipelines run again they are being applied. */
  restart(): void {
    this.id = newId(this.#options.host);
    this.#sequence = 0;
    for (const running of [...this.#pipelines.values(), ...this.#instances.values()])
      if (running.status !== STATUS_2.failed) running.status = STATUS_2.applying;
  }

  async poll(): Promise<void> {
    const client = createConfigServerClient(this.#options.url, G2);
    const state = {
      continuous_pipeline_configs: tell(this.#pipelines),
      instance_configs: tell(this.#instances),
    };
    const { body } = await client.agent("Heartbeat", {
      ...{ request_id: `beat-${this.#sequence}`, sequence_num: this.#sequence, capabilities: 3 },
      ...{ instance_id: this.id, agent_type: "LoongCollector", running_status: "running", startup_time: 100 },
      attributes: { version: "3.0.5", ip: "127.0.0.1", hostname: this.#options.host },
      tags: Object.entries(this.#options.tags ?? {}).map(([name, value]) => ({ name, value })),
      ...state,
    });
    this.#sequence++;
    // what was taken at the last beat runs by now
    for (const running of [...this.#pipelines.values(), ...this.#instances.values()])
      if (running.status === STATUS_2.applying) running.status = STATUS_2.applied;
    let pipelines: TinyMessage[] = body?.continuous_pipeline_config_updates ?? [];
    let instances: TinyMessage[] = body?.instance_config_updates ?? [];
    if (((body?.flags ?? 0) & FETCH_PIPELINES) !== 0) {
      const ask = (names: TinyMessage[]) => names.map(({ name, version }) => ({ name, version }));
      const fetched = await client.agent("FetchPipelineConfig", {
        ...{ request_id: "fetch", instance_id: this.id, continuous_pipeline_configs: ask(pipelines) },
      });
      pipelines = fetched.body?.continuous_pipeline_config_updates ?? [];
      const others = await client.agent("FetchInstanceConfig", {
        ...{ request_id: "fetch", instance_id: this.id, instance_configs: ask(instances) },
      });
      instances = others.body?.instance_config_updates ?? [];
    }
    this.#take(pipelines, this.#pipelines, this.files);
    this.#take(instances, this.#instances, this.settings);
  }

  #take(updates: readonly TinyMessage[], running: Map<string, Running>, files: Map<string, string>): void {
    for (const { name, version, detail } of updates) {
      if (version === -1) {
        files.delete(name);
        running.delete(name);
        continue;
      }
      this.received.set(name, (this.received.get(name) ?? 0) + 1);
      const text = Buffer.from(detail).toString("utf8");
      const mistake = this.#mistakeIn(text);
      running.set(name, { version, status: mistake === "" ? STATUS_2.applying : STATUS_2.failed, message: mistake });
      if (mistake === "") files.set(name, text);
    }
  }

  #mistakeIn(text: string): string {
    try {
      JSON.parse(text);
    } catch {
      return "the detail is no JSON";
    }
    return this.#options.refuses?.(text) ? "a plugin does not know this" : "";
  }
}

function tell(running: ReadonlyMap<string, Running>): TinyMessage[] {
  return [...running].map(([name, { version, status, message }]) => ({ name, version, status, message }));
}
