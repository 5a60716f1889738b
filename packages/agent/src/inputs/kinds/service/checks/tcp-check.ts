import { createSocket } from "node:dgram";
import { connect, isIPv6 } from "node:net";
import type { Point } from "@muster/core";
import * as z from "zod/mini";
import type { Collector } from "../../../collector.ts";
import { defineKind, type KindTools, sampleOf } from "../../shared/kind.ts";
import { duration, options, text } from "../../shared/options.ts";
import { nowNs, pointOf, present } from "../../shared/values.ts";
import { withDeadline } from "../deadline.ts";
import { type Endpoint, endpoints, formatEndpoint } from "../endpoint.ts";
import { describeFailure } from "../failure.ts";
import { withSynonyms } from "../synonyms.ts";
import { forEachFew } from "../targets.ts";
import { CHECK_RESULTS, type CheckResult, classifyFailure, RESULT_WORDS } from "./results.ts";

/** What is read in search of the expected text. */
const MAX_ANSWER = 64 * 1024;

const tcpCheckOptions = withSynonyms(
  options({
    addresses: endpoints(["127.0.0.1:22"]),
    protocol: z._default(z.enum(["tcp", "udp"]), "tcp"),
    timeout: duration(3000, { minMs: 50, maxMs: 60_000 }),
    send: text(""),
    expect: text(""),
  }),
  { address: { name: "addresses", isList: true } },
);
type TcpCheckOptions = z.output<typeof tcpCheckOptions>;

interface Reached {
  /** Ms from the start. */
  readonly connectedMs: number;
  /** Undefined when nothing is expected. */
  readonly isFound?: boolean;
}

export function createTcpCheck(wanted: TcpCheckOptions, tools: KindTools): Collector {
  const reach = wanted.protocol === "tcp" ? reachTcp : reachUdp;

  const check = async (endpoint: Endpoint, signal: AbortSignal): Promise<Point | undefined> => {
    const startedAt = tools.clock.monotonic();
    const elapsedMs = () => tools.clock.monotonic() - startedAt;
    const place = formatEndpoint(endpoint);
    let result: CheckResult = "success";
    let reached: Reached | undefined;
    let reason: string | undefined;
    try {
      const deadline = { clock: tools.clock, signal, timeoutMs: wanted.timeout, place };
      reached = await withDeadline(deadline, (own) => reach(endpoint, wanted, { signal: own, elapsedMs }));
      if (reached.isFound === false) {
        result = "mismatch";
        reason = `${place} did not answer with the expected text`;
      }
    } catch (error) {
      signal.throwIfAborted();
      reason = describeFailure(error, place);
      result = classifyFailure(reason);
    }
    return pointOf("tcp_check", {
      tags: { server: endpoint.host, port: String(endpoint.port), protocol: wanted.protocol, result },
      fields: {
        success: result === "success" ? 1n : 0n,
        result_code: BigInt(CHECK_RESULTS[result]),
        response_time: elapsedMs() / 1000,
        connect_time: reached && reached.connectedMs / 1000,
        string_found: reached?.isFound === undefined ? undefined : reached.isFound ? 1n : 0n,
        error: reason,
      },
      timeNs: nowNs(tools.clock),
    });
  };

  return {
    async collect(signal) {
      const points: (Point | undefined)[] = [];
      await forEachFew(wanted.addresses, async (endpoint) => void points.push(await check(endpoint, signal)));
      await tools.emit("metric", present(points));
    },
  };
}

interface Watch {
  readonly signal: AbortSignal;
  elapsedMs(): number;
}

/** Connects, sends, and reads until the expected text came, the peer closed, or too much was read. */
function reachTcp({ host, port }: Endpoint, { send, expect }: TcpCheckOptions, watch: Watch): Promise<Reached> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, signal: watch.signal });
    let connectedMs = 0;
    let answer = "";
    const finish = (isFound?: boolean) => {
      resolve({ connectedMs, ...(isFound === undefined ? {} : { isFound }) });
      socket.destroy();
    };
    socket.setEncoding("latin1");
    socket.once("error", reject);
    socket.once("connect", () => {
      connectedMs = watch.elapsedMs();
      if (send !== "") socket.write(send);
      if (expect === "") finish();
    });
    socket.on("data", (piece: string) => {
      answer += piece;
      if (answer.includes(toLatin1(expect))) finish(true);
      else if (answer.length > MAX_ANSWER) finish(false);
    });
    socket.once("end", () => finish(false));
    socket.once("close", () => finish(false));
  });
}

/** Sends one datagram and waits for one; a closed port is told by the host that it is on. */
function reachUdp({ host, port }: Endpoint, { send, expect }: TcpCheckOptions, watch: Watch): Promise<Reached> {
  return new Promise((resolve, reject) => {
    const socket = createSocket({ type: isIPv6(host) ? "udp6" : "udp4", signal: watch.signal });
    socket.once("error", (error) => {
      reject(error);
      socket.close();
    });
    socket.once("message", (bytes) => {
      const isFound = expect === "" || bytes.toString("latin1").includes(toLatin1(expect));
      resolve({ connectedMs: watch.elapsedMs(), isFound });
      socket.close();
    });
    // errors of a connected socket reach us; those of others do not
    socket.connect(port, host, () => socket.send(send));
  });
}

/** As bytes look when each is taken for a character, which never splits one. */
function toLatin1(words: string): string {
  return Buffer.from(words, "utf8").toString("latin1");
}

export const tcpCheck = defineKind({
  name: "tcp_check",
  aliases: ["net_response"],
  catalog: "network",
  summary: "Whether ports can be reached and say what they should",
  defaultIntervalMs: 60_000,
  options: tcpCheckOptions,
  create: createTcpCheck,
  sample: sampleOf({
    name: "tcp_check",
    about: "Connects to ports and tells whether that worked.",
    interval: "1m",
    body: `
  # host:port, or [::1]:port.
  addresses = ["127.0.0.1:22"]
  # With "udp" something must be sent, and anything that comes back is an answer.
  protocol = "tcp"
  timeout = "3s"
  # What to send once connected, and a text that must come back.
  # send = "PING\\r\\n"
  # expect = "PONG"`,
  }),
  measurements: [
    {
      name: "tcp_check",
      category: "metric",
      about: "One point for each address and check, whatever its outcome.",
      tags: {
        server: "host of the address",
        port: "port of the address",
        protocol: "tcp or udp",
        result: RESULT_WORDS,
      },
      fields: {
        success: "1 when it was reached and said what it should, else 0",
        result_code: "the number of the tag result",
        response_time: "until all was known, seconds",
        connect_time: "until the connection stood, or the datagram came back, seconds",
        string_found: "1 when the expected text came, else 0; with expect",
        error: "what was wrong, in words; absent with success",
      },
    },
  ],
});
