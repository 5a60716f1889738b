import type { Envelope, WireError } from "./frames.ts";

/** Shapes of the REST routes under /api/v1 and of the dashboard socket, in the wire's own words. */

export interface WireNode {
  readonly id: number;
  readonly node_id: string;
  readonly hostname: string;
  readonly ip_address: string;
  readonly os_info: string | null;
  readonly status: "online" | "offline" | "error";
  /** `2025-09-11T10:12:05Z`, as every instant here. */
  readonly last_heartbeat: string | null;
  readonly registered_at: string;
  readonly updated_at: string;
}

/** One reading. Percentages are 0..100, sizes bytes, uptime seconds. */
export interface WireMetric {
  readonly id: number;
  readonly node_id: string;
  readonly metric_time: string;
  readonly cpu_usage: number | null;
  readonly memory_usage: number | null;
  readonly disk_usage: number | null;
  readonly disk_total: number | null;
  readonly disk_available: number | null;
  readonly load_average: number | null;
  readonly memory_total: number | null;
  readonly memory_available: number | null;
  readonly uptime: number | null;
  readonly created_at: string;
}

export type WireCommandStatus = "pending" | "running" | "success" | "failed" | "timeout";

export interface WireCommand {
  readonly id: number;
  readonly command_id: string;
  readonly command_text: string;
  readonly target_node_id: string;
  readonly status: WireCommandStatus;
  readonly created_at: string;
  readonly started_at: string | null;
  readonly completed_at: string | null;
}

export interface WireCommandResult {
  readonly id: number;
  readonly command_id: string;
  readonly stdout: string;
  readonly stderr: string;
  readonly exit_code: number | null;
  readonly execution_time_ms: number | null;
  readonly created_at: string;
}

/** What every REST route answers. `error_code` and `details` are ours: the original has only the message. */
export interface RestAnswer {
  readonly success: boolean;
  readonly message: string;
  readonly data: unknown;
  readonly timestamp: string;
  readonly error_code?: string;
  readonly details?: unknown;
}

/** What the core sends to a dashboard. */
export type MonitorFrame =
  | Envelope<"welcome", { readonly message: string; readonly client_id: string; readonly connection_type: "monitor" }>
  | Envelope<"nodes_update", { readonly nodes: readonly WireNode[] }>
  | Envelope<"metrics_update", { readonly metrics: readonly WireMetric[] }>
  | Envelope<
      "node_status_change",
      { readonly node_id: string; readonly status: WireNode["status"]; readonly timestamp: string }
    >
  | Envelope<"pong", { readonly received: true; readonly client_id: string }>
  | Envelope<"error", WireError>;
