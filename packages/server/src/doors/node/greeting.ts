import { CAPABILITIES, type Capability, type TokenId } from "@muster/core";
import {
  type NativeHello,
  type NativeWelcome,
  type NodeFrame,
  type NodeRegister,
  type RegisterResponse,
  WORDS,
} from "@muster/protocols/node";
import type { AgentFacts, AgentHello, AgentSession, ResumeAnswer } from "../../fleet/session.ts";
import { FOREIGN_STALE_MS, PROTOCOL } from "./parts.ts";

/** What the seed's protocol gives every agent. */
const FOREIGN_CAPABILITIES: ReadonlySet<Capability> = new Set(["command", "metrics"]);

/** What the door has to remember of our own agent: of ten thousand of them, nothing more. */
export interface NativeTraits {
  readonly drains: boolean;
  /** Its output comes in pieces before the result. */
  readonly streams: boolean;
  /** It keeps configs. */
  readonly keeps: boolean;
}

export function traitsOf(hello: NativeHello): NativeTraits {
  const { capabilities } = hello;
  return {
    drains: capabilities.includes("drain"),
    streams: capabilities.includes("output"),
    keeps: capabilities.includes("configs"),
  };
}

/** One bit per capability in the order of CAPABILITIES. */
const SETS: readonly ReadonlySet<Capability>[] = Array.from(
  { length: 2 ** CAPABILITIES.length },
  (_, bits) => new Set(CAPABILITIES.filter((_, index) => (bits >> index) & 1)),
);

/** The same set for the same capabilities: every agent's is kept for as long as the process runs. */
export function internCapabilities(capabilities: readonly Capability[]): ReadonlySet<Capability> {
  let bits = 0;
  for (const [index, capability] of CAPABILITIES.entries()) if (capabilities.includes(capability)) bits |= 1 << index;
  return SETS[bits] ?? new Set(capabilities);
}

/** The first message of an id, in the fleet's words. */
export function makeHello(
  frame: NodeFrame,
  origin: { readonly nodeId: string; readonly tokenId: TokenId; readonly remoteAddress: string },
): AgentHello {
  const register = frame.type === "node_register" ? frame.data : undefined;
  const hello = {
    protocol: PROTOCOL,
    externalId: origin.nodeId,
    facts: register ? describeFacts(register) : {},
    remoteAddress: origin.remoteAddress,
    tokenId: origin.tokenId,
  };
  if (register?.muster) return { ...hello, capabilities: internCapabilities(register.muster.capabilities) };
  return { ...hello, capabilities: FOREIGN_CAPABILITIES, staleAfterMs: FOREIGN_STALE_MS };
}

/** What a registration tells of the host; absent fields keep what was known. */
export function describeFacts(register: NodeRegister): AgentFacts {
  const { hostname, ip_address, os_info, muster } = register;
  const facts: { -readonly [Key in keyof AgentFacts]: AgentFacts[Key] } = {
    hostname,
    addresses: listAddresses(ip_address, muster),
  };
  const os = muster?.os ?? os_info;
  if (os !== undefined) facts.os = os;
  if (muster === undefined) return facts;
  facts.version = muster.version;
  if (muster.name !== undefined) facts.name = muster.name;
  if (muster.arch !== undefined) facts.arch = muster.arch;
  if (muster.labels !== undefined) facts.labels = muster.labels;
  return facts;
}

/** The address that the agent calls its own comes first, since the seed's clients show one. */
function listAddresses(address: string, hello: NativeHello | undefined): string[] {
  return [...new Set([address, ...(hello?.addresses ?? [])])];
}

export function makeRegisterResponse(
  register: NodeRegister,
  outcome: {
    readonly nodeId: string;
    readonly session: AgentSession;
    readonly isNew: boolean;
    readonly answer: ResumeAnswer | undefined;
  },
): RegisterResponse {
  const { nodeId, session, isNew, answer } = outcome;
  const response: RegisterResponse = {
    success: true,
    message: isNew ? WORDS.registered : WORDS.updated,
    node_id: nodeId,
    action: isNew ? "created" : "updated",
  };
  const { hostname, ip_address } = register;
  // a node that has only registered is offline until its first beat: the original says so, and clients show it
  const info = { node_info: { id: session.agentNumber, hostname, ip_address, status: "offline" } };
  const muster = register.muster && answer && { muster: makeWelcome(register.muster, session, answer) };
  return { ...response, ...(isNew ? info : {}), ...(muster ?? {}) };
}

function makeWelcome(hello: NativeHello, session: AgentSession, answer: ResumeAnswer): NativeWelcome {
  return {
    protocol: 1,
    capabilities: hello.capabilities,
    beat_ms: session.beatMs,
    stored_through: session.storedThrough,
    cancel: answer.cancel,
    forget: answer.forget,
    output_through: Object.fromEntries(answer.outputThrough),
  };
}
