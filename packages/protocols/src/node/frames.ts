import type { Capability, HostDetail, Labels } from "@muster/core";
import type { InputAnswer, InputCall, InputInventory } from "@muster/core/resources";

/**
 * The Server Manager protocol in its own words, and our open extension of it. A peer that announces no `muster`
 * object in `node_register` never sees a frame or a field marked "ours". Reference: docs/protocols/node.md.
 */

/** Every frame, both ways: one JSON object per WebSocket text message. */
export interface Envelope<Type extends string = string, Content = unknown> {
  readonly type: Type;
  readonly id: string;
  /** RFC 3339; never parsed by a receiver. */
  readonly timestamp: string;
  readonly data: Content;
}

/** Percent 0..100, bytes and seconds, as the seed writes them. */
export interface WireMetrics {
  readonly cpu_usage?: number | null;
  readonly memory_usage?: number | null;
  readonly disk_usage?: number | null;
  readonly load_average?: number | null;
  readonly memory_total?: number | null;
  readonly memory_available?: number | null;
  readonly disk_total?: number | null;
  readonly disk_available?: number | null;
  readonly uptime?: number | null;
  readonly network_rx?: number | null;
  readonly network_tx?: number | null;
}

/** Ours: the state of a run in the agent's journal. `seq` is the last output chunk that it holds, -1 for none. */
export interface JournaledRun {
  readonly command_id: string;
  readonly state: "accepted" | "started" | "finished";
  readonly seq: number;
}

/** Ours, in `node_register`: what our agent is and what it can do. */
export interface NativeHello {
  readonly protocol: 1;
  readonly version: string;
  readonly capabilities: readonly Capability[];
  readonly name?: string;
  readonly os?: string;
  readonly arch?: string;
  readonly addresses?: readonly string[];
  readonly labels?: Labels;
  /** The agent's clock when it registered, in ms. */
  readonly now: number;
  readonly runs: readonly JournaledRun[];
}

/** Ours, in `register_response`. */
export interface NativeWelcome {
  readonly protocol: 1;
  /** Those of the agent's capabilities that this server will use. */
  readonly capabilities: readonly Capability[];
  readonly beat_ms: number;
  /** Samples up to and including this instant (agent's clock, ms) are stored; null when none are. */
  readonly stored_through: number | null;
  /** Journaled runs that must be stopped. */
  readonly cancel: readonly string[];
  /** Journaled runs whose result the server already has: the agent may drop them. */
  readonly forget: readonly string[];
  /** Per run: the last output chunk that is stored, so that the agent goes on after it. */
  readonly output_through: Readonly<Record<string, number>>;
}

export interface NodeRegister {
  readonly node_id?: string;
  readonly hostname: string;
  readonly ip_address: string;
  readonly os_info?: string;
  readonly muster?: NativeHello;
}

/** Ours, in `heartbeat`. `values` are in the order of HOST_METRICS, null where not measured. */
export interface NativeSample {
  /** Agent's clock, ms. */
  readonly at: number;
  readonly values: readonly (number | null)[];
  readonly detail?: HostDetail;
  /** True while older samples wait to be sent: show this one, it will come again in `samples`. */
  readonly backlog?: boolean;
}

export interface Heartbeat {
  readonly node_id?: string;
  readonly status?: string;
  readonly metrics?: WireMetrics;
  readonly muster?: NativeSample;
}

/** Ours: samples kept while the server was away, oldest first. Each row is [at, ...values in the order of HOST_METRICS]. */
export interface Samples {
  readonly node_id?: string;
  readonly rows: readonly (readonly (number | null)[])[];
}

export interface CommandStarted {
  readonly command_id: string;
  /** Ours: agent's clock, ms. */
  readonly at?: number;
}

/** Ours: one piece of output. Exactly one of text, base64 and cut is present. */
export interface WireChunk {
  readonly seq: number;
  readonly stream: "stdout" | "stderr";
  readonly at: number;
  readonly text?: string;
  readonly base64?: string;
  /** How many bytes are left out here. */
  readonly cut?: number;
}

/** Ours. */
export interface CommandOutput {
  readonly command_id: string;
  readonly chunks: readonly WireChunk[];
}

/** Ours, in `command_result`. With the `output` capability stdout and stderr of the result are empty: chunks carried them. */
export interface NativeResult {
  readonly state: "succeeded" | "failed" | "timed_out" | "cancelled" | "rejected" | "unknown";
  readonly reason?: string;
  readonly started_at?: number;
  readonly finished_at: number;
  readonly stdout_bytes: number;
  readonly stderr_bytes: number;
  readonly cut_bytes: number;
  /** The last chunk's number, -1 when it wrote nothing. */
  readonly last_seq: number;
  /** SHA-256 in hex over all stdout, a zero byte, all stderr. */
  readonly digest?: string;
}

export interface CommandResult {
  readonly command_id: string;
  readonly exit_code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly execution_time_ms: number;
  readonly muster?: NativeResult;
}

/** Ours, in `execute_command`. */
export interface NativeCommand {
  readonly argv?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly user?: string;
  readonly timeout_ms: number;
  /** Time between TERM and KILL. */
  readonly grace_ms: number;
  /** Kept per stream; what exceeds it is cut out of the middle. */
  readonly output_limit_bytes: number;
  /** Ours, ms by the server's clock, and the server's clock when it was sent. */
  readonly expires_at: number;
  readonly sent_at: number;
}

export interface ExecuteCommand {
  readonly command_id: string;
  readonly command_text: string;
  /** Seconds. */
  readonly timeout: number;
  readonly muster?: NativeCommand;
}

/** Ours: something asked of an agent with the `inputs` capability. Answered once, in any order. */
export interface Call {
  readonly call_id: string;
  readonly call: InputCall;
}

/** Ours: the answer to a call. */
export interface CallResult {
  readonly call_id: string;
  readonly answer: InputAnswer;
}

/** Ours: what the agent collects; told after every registration and every change. */
export interface Inputs {
  readonly node_id?: string;
  readonly inventory: InputInventory;
}

/** Ours: one config that an agent should have. */
export interface WireConfig {
  readonly name: string;
  readonly kind: string;
  readonly format: string;
  readonly revision: number;
  /** SHA-256 in hex of the text. */
  readonly digest: string;
  /** Absent where the agent has it, or gets it in a later frame. */
  readonly text?: string;
}

/** Ours: all that an agent with the `configs` capability should have; what is not in it is to go. */
export interface WantedConfigs {
  readonly configs: readonly WireConfig[];
}

/** Ours: how one config is with the agent. */
export interface WireHeldConfig {
  readonly name: string;
  readonly kind: string;
  /** What is applied or, where that failed, what was tried; null when the agent cannot say. */
  readonly revision: number | null;
  readonly status: "applying" | "applied" | "failed";
  readonly error: string | null;
  /** SHA-256 in hex of the text that it runs, as it was given; null when it runs none. */
  readonly given: string | null;
  /** Of what is there now: another one when somebody has changed it. */
  readonly digest: string | null;
}

/** Ours: everything that an agent with the `configs` capability has; told after every registration and every change. */
export interface ConfigReport {
  readonly node_id?: string;
  readonly held: readonly WireHeldConfig[];
}

/** What a node sends. */
export type NodeFrame =
  | Envelope<"node_register", NodeRegister>
  | Envelope<"heartbeat", Heartbeat>
  | Envelope<"metrics", WireMetrics & { readonly node_id?: string }>
  | Envelope<"command_started", CommandStarted>
  | Envelope<"command_result", CommandResult>
  | Envelope<"command_output", CommandOutput>
  | Envelope<"samples", Samples>
  | Envelope<"call_result", CallResult>
  | Envelope<"inputs", Inputs>
  | Envelope<"config_report", ConfigReport>;

export const NODE_ERROR_CODES = [
  "INVALID_TOKEN",
  "NODE_NOT_FOUND",
  "COMMAND_TIMEOUT",
  "PARSE_ERROR",
  "UNKNOWN_MESSAGE_TYPE",
  "DATABASE_ERROR",
  "INVALID_REGISTER_DATA",
  "INVALID_METRIC_DATA",
] as const;
export type NodeErrorCode = (typeof NODE_ERROR_CODES)[number];

/** `error_code` is one of NODE_ERROR_CODES from us; an original core also sends others, which a node must survive. */
export interface WireError {
  readonly error_code: NodeErrorCode | (string & {});
  readonly message: string;
  readonly details: string;
}

export interface RegisterResponse {
  readonly success: boolean;
  readonly message: string;
  readonly node_id: string;
  readonly action?: "created" | "updated";
  readonly node_info?: {
    readonly id: number;
    readonly hostname: string;
    readonly ip_address: string;
    readonly status: string;
  };
  readonly muster?: NativeWelcome;
}

export interface HeartbeatAck {
  readonly received: true;
  readonly node_id: string;
  readonly metrics_saved: boolean;
  /** Ours: the interval when it changed, and how far samples are stored (agent's clock, ms) when that grew. */
  readonly muster?: { readonly beat_ms?: number; readonly stored_through?: number };
}

/** What the core sends to a node. */
export type CoreFrame =
  | Envelope<"welcome", { readonly message: string; readonly node_id: string }>
  | Envelope<"register_response", RegisterResponse>
  | Envelope<"heartbeat_ack", HeartbeatAck>
  | Envelope<
      "metrics_response",
      { readonly success: boolean; readonly message: string; readonly node_id: string; readonly metric_id: number }
    >
  | Envelope<"execute_command", ExecuteCommand>
  | Envelope<"command_received", { readonly received: true; readonly node_id: string; readonly command_id?: string }>
  | Envelope<"error", WireError>
  /** Ours: output up to `through` is stored. */
  | Envelope<"output_received", { readonly command_id: string; readonly through: number }>
  /** Ours: samples up to and including `through` (agent's clock, ms) are stored. */
  | Envelope<"samples_stored", { readonly through: number }>
  /** Ours: stop this run's whole process tree. */
  | Envelope<"cancel_command", { readonly command_id: string; readonly grace_ms: number }>
  /** Ours: close, and connect again after this long. */
  | Envelope<"watch", { readonly detail: boolean }>
  | Envelope<"reconnect", { readonly after_ms: number; readonly reason: string }>
  | Envelope<"call", Call>
  | Envelope<"configs", WantedConfigs>;
