import { promises as dns, getServers } from "node:dns";
import { isIP, isIPv6 } from "node:net";
import type { Point } from "@muster/core";
import * as z from "zod/mini";
import type { Collector } from "../../../collector.ts";
import { defineKind, type KindTools, sampleOf } from "../../shared/kind.ts";
import { duration, options, texts } from "../../shared/options.ts";
import { nowNs, pointOf, present } from "../../shared/values.ts";
import { withDeadline } from "../deadline.ts";
import { type Endpoint, endpoints, formatEndpoint, MAX_TARGETS } from "../endpoint.ts";
import { describeFailure, ServiceTrouble } from "../failure.ts";
import { forEachFew } from "../targets.ts";
import { CHECK_RESULTS, type CheckResult, classifyFailure, RESULT_WORDS } from "./results.ts";

const RECORD_TYPES = ["A", "AAAA", "CAA", "CNAME", "MX", "NS", "PTR", "SOA", "SRV", "TXT"] as const;

/** The resolver's words for an answer's code (RFC 1035, section 4.1.1). */
const RCODES: Readonly<Record<string, number>> = { EFORMERR: 1, ESERVFAIL: 2, ENOTFOUND: 3, ENOTIMP: 4, EREFUSED: 5 };

const dnsCheckOptions = options({
  servers: endpoints([], 53),
  domains: z._default(z.array(z.string().check(z.minLength(1), z.maxLength(253))).check(z.maxLength(MAX_TARGETS)), [
    "localhost",
  ]),
  record_type: z._default(z.enum(RECORD_TYPES), "A"),
  timeout: duration(2000, { minMs: 50, maxMs: 60_000 }),
  expect: texts(),
});
type DnsCheckOptions = z.output<typeof dnsCheckOptions>;

interface Question {
  readonly server: Endpoint;
  readonly domain: string;
}

export function createDnsCheck(wanted: DnsCheckOptions, tools: KindTools): Collector {
  const questions = (): Question[] => {
    const servers = wanted.servers.length > 0 ? wanted.servers : systemServers();
    return servers.flatMap((server) => wanted.domains.map((domain) => ({ server, domain })));
  };

  const check = async ({ server, domain }: Question, signal: AbortSignal): Promise<Point | undefined> => {
    const startedAt = tools.clock.monotonic();
    const place = formatEndpoint(server);
    let answers: string[] | undefined;
    let rcode: number | undefined;
    let result: CheckResult = "success";
    let reason: string | undefined;
    try {
      const deadline = { clock: tools.clock, signal, timeoutMs: wanted.timeout, place };
      answers = await withDeadline(deadline, (own) => resolveAt({ server, domain }, wanted, own));
      rcode = 0;
      const missing = wanted.expect.filter((expected) => !answers?.includes(expected));
      if (missing.length > 0) reason = `the answer lacks ${missing.join(", ")}`;
      if (missing.length > 0) result = "mismatch";
    } catch (error) {
      signal.throwIfAborted();
      const code = String((error as NodeJS.ErrnoException).code ?? "");
      rcode = code === "ENODATA" ? 0 : RCODES[code];
      reason = rcode === undefined ? describeFailure(error, place) : describeCode(code, { server, domain }, wanted);
      result = rcode === undefined ? classifyFailure(reason) : "mismatch";
    }
    return pointOf("dns_check", {
      tags: { server: place, domain, record_type: wanted.record_type, result },
      fields: {
        success: result === "success" ? 1n : 0n,
        result_code: BigInt(CHECK_RESULTS[result]),
        rcode_value: rcode === undefined ? undefined : BigInt(rcode),
        query_time: (tools.clock.monotonic() - startedAt) / 1000,
        answers: answers && BigInt(answers.length),
        error: reason,
      },
      timeNs: nowNs(tools.clock),
    });
  };

  return {
    async collect(signal) {
      const points: (Point | undefined)[] = [];
      await forEachFew(questions(), async (question) => void points.push(await check(question, signal)));
      await tools.emit("metric", present(points));
    },
  };
}

/** The name servers of this host. */
function systemServers(): Endpoint[] {
  return getServers().map((server) => {
    const [, host = server, port = "53"] = /^\[?([^\]]+?)\]?(?::(\d+))?$/.exec(server) ?? [];
    return isIP(server) ? { host: server, port: 53 } : { host, port: Number(port) };
  });
}

/** Asks one server once, in that server's own words: no search list, no hosts file. */
async function resolveAt(
  { server, domain }: Question,
  wanted: DnsCheckOptions,
  signal: AbortSignal,
): Promise<string[]> {
  const resolver = new dns.Resolver({ timeout: wanted.timeout, tries: 1 });
  const stop = () => resolver.cancel();
  signal.addEventListener("abort", stop, { once: true });
  try {
    const address = isIP(server.host) ? server.host : (await dns.lookup(server.host)).address;
    resolver.setServers([isIPv6(address) ? `[${address}]:${server.port}` : `${address}:${server.port}`]);
    const records: unknown = await resolver.resolve(domain, wanted.record_type);
    return (Array.isArray(records) ? records : [records]).map(showRecord);
  } catch (error) {
    const { code, syscall } = error as NodeJS.ErrnoException;
    if (code === "ETIMEOUT") throw new ServiceTrouble(`no answer from ${formatEndpoint(server)} in time`);
    if (syscall === "getaddrinfo") throw new ServiceTrouble(`no address is known for ${server.host}`);
    throw error;
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

/** A record as its value alone: `10 mail.example.` for MX, the texts of TXT joined. */
function showRecord(record: unknown): string {
  if (typeof record === "string") return record;
  if (Array.isArray(record)) return record.join("");
  return Object.values(record as Record<string, unknown>).join(" ");
}

function describeCode(code: string, { server, domain }: Question, { record_type }: DnsCheckOptions): string {
  const place = formatEndpoint(server);
  if (code === "ENOTFOUND") return `${place} knows no ${domain}`;
  if (code === "ENODATA") return `${place} has no ${record_type} record of ${domain}`;
  return `${place} refused with ${code.slice(1)}`;
}

export const dnsCheck = defineKind({
  name: "dns_check",
  aliases: ["dns_query"],
  catalog: "network",
  summary: "Whether name servers answer, how fast, and with what they should",
  defaultIntervalMs: 60_000,
  options: dnsCheckOptions,
  create: createDnsCheck,
  sample: sampleOf({
    name: "dns_check",
    about: "Asks name servers and tells what they answered.",
    interval: "1m",
    body: `
  # Name servers, each with a port if it is not 53. None: those of this host.
  servers = []
  domains = ["localhost"]
  # A, AAAA, CAA, CNAME, MX, NS, PTR, SOA, SRV or TXT.
  record_type = "A"
  timeout = "2s"
  # Values that the answer must have.
  # expect = ["192.0.2.1"]`,
  }),
  measurements: [
    {
      name: "dns_check",
      category: "metric",
      about: "One point for each server, domain and check, whatever its outcome.",
      tags: {
        server: "host and port of the name server",
        domain: "what was asked for",
        record_type: "the type that was asked for",
        result: RESULT_WORDS,
      },
      fields: {
        success: "1 when the answer was as wanted, else 0",
        result_code: "the number of the tag result",
        rcode_value: "the server's code: 0 no error, 2 server failure, 3 no such name, 5 refused",
        query_time: "until the answer or the failure, seconds",
        answers: "records in the answer, a count",
        error: "what was wrong, in words; absent with success",
      },
    },
  ],
});
