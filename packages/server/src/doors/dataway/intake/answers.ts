import type { PlainResponse } from "../../../listeners/door.ts";

/**
 * Why a request is refused: 4xx means that it shall not come again, 5xx that it shall. `name` is the second half of
 * DataWay's error code.
 */
export class IntakeFailure extends Error {
  readonly status: number;
  readonly errorName: string;

  constructor(status: number, errorName: string, message: string) {
    super(message);
    this.status = status;
    this.errorName = errorName;
  }
}

/** Pages of any origin may write: a token says who they are, and nothing here looks at cookies of ours. */
const CORS = {
  "access-control-allow-origin": "*",
  "access-control-allow-methods": "GET, POST, PUT, DELETE, OPTIONS",
  "access-control-allow-headers":
    "Authorization, Content-Type, Content-Encoding, X-Token, X-Datakit-UUID, X-RP, X-Precision, X-Lua",
  "access-control-max-age": "86400",
} as const;

export function jsonAnswer(status: number, body: unknown): PlainResponse {
  const headers = { "content-type": "application/json; charset=utf-8", "cache-control": "no-store", ...CORS };
  return { status, headers, body: JSON.stringify(body) };
}

export function emptyAnswer(headers: Readonly<Record<string, string>> = {}): PlainResponse {
  return { status: 204, headers: { ...headers, ...CORS } };
}

/** A refusal in the words of whoever asks: InfluxDB 1, InfluxDB 2, or DataWay. */
export function describeFailure(failure: IntakeFailure, dialect: "dataway" | "influx-1" | "influx-2"): PlainResponse {
  const { status, message, errorName } = failure;
  const answer =
    dialect === "influx-1"
      ? { error: message }
      : dialect === "influx-2"
        ? { code: INFLUX_CODES[status] ?? (status < 500 ? "invalid" : "unavailable"), message }
        : { error_code: `dataway.${errorName}`, message };
  const plain = jsonAnswer(status, answer);
  const extra: Record<string, string> = {};
  if (status === 503) extra["retry-after"] = "5";
  if (status === 401) extra["www-authenticate"] = 'Basic realm="muster"';
  // clients of InfluxDB 1 show this header rather than the body
  if (dialect !== "dataway") extra["x-influxdb-error"] = message.replace(/[^\x20-\x7e]+/g, " ").slice(0, 500);
  return { ...plain, headers: { ...plain.headers, ...extra } };
}

const INFLUX_CODES: Readonly<Record<number, string>> = {
  401: "unauthorized",
  403: "forbidden",
  404: "not found",
  413: "request too large",
};
