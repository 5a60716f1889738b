import { type Decoded, failUnknownType, readEnvelope } from "./envelope.ts";
import type { Envelope } from "./frames.ts";
import type { MonitorFrame } from "./rest.ts";

/** What a dashboard sends: a sign of life, and nothing else. */
export type DashboardFrame = Envelope<"ping">;

export function decodeDashboardFrame(text: string): Decoded<DashboardFrame> {
  const envelope = readEnvelope(text);
  if (envelope.frame === undefined) return envelope;
  const { type, id, timestamp, data } = envelope.frame;
  if (type !== "ping") return failUnknownType(type, id, ["ping"]);
  return { frame: { type, id, timestamp, data } };
}

export function encodeMonitorFrame(frame: MonitorFrame): string {
  return JSON.stringify(frame);
}
