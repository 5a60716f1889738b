import { randomBytes } from "node:crypto";
import type { Clock } from "@muster/core";
import {
  HOP_TIMEOUT_MS,
  openTcp,
  openTls,
  type ProbeAnswer,
  probeHttp,
  resolveName,
  type Target,
  targetOf,
} from "./hops.ts";
import { type Finding, HopFailure, systemCode } from "./probe.ts";

/** What is diagnosed: the way to a server, and whether a token is good there. */
export interface Diagnosis {
  readonly server: string;
  /** An API token (`mst_…`), a session cookie, or an agent's enrolment token (anything else). */
  readonly token?: string;
  readonly sessionCookie?: string;
  readonly clock: Clock;
}

const MAX_SKEW_MS = 5000;

interface Hop {
  readonly name: string;
  readonly applies: boolean;
  /** Answers what was seen, or a finding of its own. Throws HopFailure. */
  readonly try: () => Promise<string | Pick<Finding, "state" | "words" | "advice">>;
}

/** Tries hop by hop. Behind the first that fails nothing can be said, and those hops are named as skipped. */
export async function* diagnose(diagnosis: Diagnosis): AsyncGenerator<Finding> {
  const target = targetOf(diagnosis.server);
  let broken = false;
  for (const hop of hopsOf(diagnosis, target)) {
    if (!hop.applies) continue;
    if (broken) {
      yield { hop: hop.name, state: "skipped", words: "not tried" };
      continue;
    }
    try {
      const seen = await hop.try();
      yield typeof seen === "string" ? { hop: hop.name, state: "ok", words: seen } : { hop: hop.name, ...seen };
    } catch (error) {
      broken = true;
      yield { hop: hop.name, state: "failed", ...explain(error) };
    }
  }
}

function hopsOf(diagnosis: Diagnosis, target: Target): Hop[] {
  const secure = target.url.protocol === "https:";
  const now = () => diagnosis.clock.now();
  const hasToken = diagnosis.token !== undefined || diagnosis.sessionCookie !== undefined;
  return [
    { name: "DNS", applies: true, try: () => resolveName(target) },
    { name: "TCP", applies: true, try: () => openTcp(target) },
    { name: "TLS", applies: secure, try: () => openTls(target) },
    { name: "HTTP", applies: true, try: async () => checkHealth(await probeHttp(target, { path: "/healthz", now })) },
    {
      name: "clock",
      applies: true,
      try: async () => checkClock(await probeHttp(target, { path: "/healthz", now })),
    },
    {
      name: "upgrade",
      applies: true,
      // without a token the server must refuse with 401: that it does proves that the upgrade reached it
      try: async () =>
        checkUpgrade(await probeHttp(target, { path: "/fleet/v1/live", headers: upgradeHeaders(), now })),
    },
    { name: "token", applies: true, try: () => (hasToken ? checkToken(diagnosis, target) : Promise.resolve(NO_TOKEN)) },
  ];
}

const NO_TOKEN = {
  state: "skipped",
  words: "none given and not logged in",
  advice: "add --token, or run `muster login`",
} as const;

function checkHealth(answer: ProbeAnswer): Pick<Finding, "state" | "words" | "advice"> {
  if (answer.status === 200 && isHealth(answer.body))
    return { state: "ok", words: "a Muster server answers and is well" };
  if (isHealth(answer.body)) {
    const advice = "the server's own log says what it lacks; /readyz lists its checks";
    return { state: "warning", words: `the server is not well (${answer.status})`, advice };
  }
  const by = answer.headers.server === undefined ? "" : ` by ${answer.headers.server}`;
  throw new HopFailure(
    `what answers${by} is no Muster server (${answer.status} on /healthz)`,
    answer.status >= 500 ? "a proxy answers and cannot reach the server behind it" : "check port and path of --server",
  );
}

function isHealth(body: string): boolean {
  try {
    const health: unknown = JSON.parse(body);
    return typeof health === "object" && health !== null && "status" in health && "checks" in health;
  } catch {
    return false;
  }
}

/** The Date header has whole seconds; half of the round trip is taken off. */
function checkClock(answer: ProbeAnswer): Pick<Finding, "state" | "words" | "advice"> {
  const serverAt = Date.parse(answer.headers.date ?? "");
  if (Number.isNaN(serverAt)) return { state: "skipped", words: "the server sends no Date" };
  const skewMs = (answer.sentAt + answer.receivedAt) / 2 - (serverAt + 500);
  const words = `this clock is ${(Math.abs(skewMs) / 1000).toFixed(1)} s ${skewMs < 0 ? "behind" : "ahead of"} the server's`;
  if (Math.abs(skewMs) <= MAX_SKEW_MS) return { state: "ok", words };
  return { state: "warning", words, advice: "start a time service (chrony, systemd-timesyncd) on both machines" };
}

function upgradeHeaders(): Record<string, string> {
  return {
    connection: "Upgrade",
    upgrade: "websocket",
    "sec-websocket-version": "13",
    "sec-websocket-key": randomBytes(16).toString("base64"),
  };
}

function checkUpgrade(answer: ProbeAnswer): string {
  if (answer.status === 401 || answer.status === 101) return "WebSocket upgrades reach the server";
  throw new HopFailure(
    `the upgrade to a WebSocket was answered ${answer.status}`,
    "a proxy between must pass Upgrade and Connection (nginx: proxy_http_version 1.1 and both headers)",
  );
}

async function checkToken(diagnosis: Diagnosis, target: Target): Promise<string> {
  const { token, sessionCookie, clock } = diagnosis;
  const now = () => clock.now();
  if (token === undefined || token.startsWith("mst_")) {
    const headers: Record<string, string> =
      token === undefined ? { cookie: `muster_session=${sessionCookie}` } : { authorization: `Bearer ${token}` };
    const answer = await probeHttp(target, { path: "/fleet/v1/me", headers, now });
    if (answer.status === 200) return `good: ${describePrincipal(answer.body)}`;
    throw new HopFailure(`refused (${answer.status})`, "it may have expired or been revoked: `muster login` again");
  }
  const path = `/api/v1/ws?token=${encodeURIComponent(token)}&node_id=muster-doctor`;
  const answer = await probeHttp(target, { path, headers: upgradeHeaders(), now });
  if (answer.status === 101) return "good: agents are let in with it";
  if (answer.status === 401) {
    throw new HopFailure("agents are refused with it (401)", "it may be revoked: `muster enroll` makes a new one");
  }
  const advice = "`muster server config` and the console's settings show which doors are open to whom";
  throw new HopFailure(`the door for agents answered ${answer.status}`, advice);
}

function describePrincipal(body: string): string {
  try {
    const { name, role } = JSON.parse(body) as { name?: unknown; role?: unknown };
    return `${String(name)} (${String(role)})`;
  } catch {
    return "accepted";
  }
}

function explain(error: unknown): { words: string; advice: string } {
  if (error instanceof HopFailure) return { words: error.message, advice: error.advice };
  const code = systemCode(error);
  const words = error instanceof Error ? error.message : String(error);
  const advice =
    code === "ECONNRESET" || code === "EPIPE"
      ? "the connection was cut: a proxy or firewall between, or https:// is needed instead of http://"
      : `no complete answer within ${HOP_TIMEOUT_MS / 1000} s: look at the server's log`;
  return { words, advice };
}
