import type { CoreFrame, NodeFrame } from "./frames.ts";

/** One message from a node. Numbers that JSON lacks (NaN, infinities) become null. */
export function encodeNodeFrame(frame: NodeFrame): string {
  return JSON.stringify(frame);
}

/** One message from a core. Acknowledgements of heartbeats have a quicker way: `encodeHeartbeatAck`. */
export function encodeCoreFrame(frame: CoreFrame): string {
  return JSON.stringify(frame);
}

/** What an acknowledgement says, with its ids quoted already: the same peer is acknowledged again and again. */
export interface AckContent {
  /** `quoteJson` of the heartbeat's id. */
  readonly id: string;
  /** `quoteJson` of the node's id. */
  readonly nodeId: string;
  /** RFC 3339. */
  readonly timestamp: string;
  /** Told when it changed. */
  readonly beatMs?: number | undefined;
  /** Samples up to this instant are stored; told when it grew. */
  readonly storedThrough?: number | undefined;
}

/** The answer to a heartbeat, the one frame that a server writes thousands of times a second. */
export function encodeHeartbeatAck(ack: AckContent): string {
  const extension = ack.beatMs === undefined && ack.storedThrough === undefined ? "" : encodeAckExtension(ack);
  return `{"type":"heartbeat_ack","id":${ack.id},"timestamp":"${ack.timestamp}","data":{"received":true,"node_id":${ack.nodeId},"metrics_saved":true${extension}}}`;
}

function encodeAckExtension(ack: AckContent): string {
  return `,"muster":${JSON.stringify({ beat_ms: ack.beatMs, stored_through: ack.storedThrough })}`;
}

const PLAIN = /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/;

/** A text as JSON writes it. */
export function quoteJson(text: string): string {
  return PLAIN.test(text) ? `"${text}"` : JSON.stringify(text);
}
