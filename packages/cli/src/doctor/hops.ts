import { lookup } from "node:dns/promises";
import { type IncomingMessage, request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import { connect as connectTcp, isIP } from "node:net";
import { connect as connectTls } from "node:tls";
import type { Timestamp } from "@muster/core";
import { HopFailure, systemCode } from "./probe.ts";

/** Every hop must answer within this. */
export const HOP_TIMEOUT_MS = 5000;

/** Where a probe goes: the name without brackets, and the port that is really used. */
export interface Target {
  readonly url: URL;
  readonly host: string;
  readonly port: number;
}

export function targetOf(server: string): Target {
  const url = new URL(server);
  const host = url.hostname.replace(/^\[(.*)\]$/, "$1");
  return { url, host, port: Number(url.port) || (url.protocol === "https:" ? 443 : 80) };
}

/** DNS: the name has an address. */
export async function resolveName({ host }: Target): Promise<string> {
  if (isIP(host) !== 0) return `${host} is an address`;
  try {
    const addresses = await lookup(host, { all: true });
    return `${host} is ${addresses.map(({ address }) => address).join(", ")}`;
  } catch (error) {
    throw new HopFailure(
      `${host} has no address (${systemCode(error)})`,
      "check the spelling, /etc/hosts and the name servers in /etc/resolv.conf",
      error,
    );
  }
}

const TCP_ADVICE: Readonly<Record<string, string>> = {
  ECONNREFUSED:
    "nobody listens there: is the server running, on this port, and not only on 127.0.0.1 (--host 0.0.0.0)?",
  ETIMEDOUT: "packets are lost on the way: a firewall, a security group, or a wrong address",
  EHOSTUNREACH: "there is no route to that host: a wrong address or network, or a firewall that says so",
  ENETUNREACH: "this machine has no route to that network",
};

/** TCP: somebody accepts connections. */
export function openTcp({ host, port }: Target): Promise<string> {
  return new Promise((resolve, reject) => {
    const startedAt = performance.now();
    const socket = connectTcp({ host, port, timeout: HOP_TIMEOUT_MS });
    const fail = (code: string, cause?: unknown) => {
      socket.destroy();
      reject(
        new HopFailure(
          `port ${port} of ${host} does not answer (${code})`,
          TCP_ADVICE[code] ?? "check the network",
          cause,
        ),
      );
    };
    socket.once("connect", () => {
      const tookMs = performance.now() - startedAt;
      const from = socket.localAddress ?? "";
      socket.destroy();
      resolve(`port ${port} accepts, in ${tookMs.toFixed(1)} ms from ${from}`);
    });
    socket.once("timeout", () => fail("ETIMEDOUT"));
    socket.once("error", (error) => fail(systemCode(error), error));
  });
}

const TLS_ADVICE: Readonly<Record<string, string>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: "trust the server's certificate: NODE_EXTRA_CA_CERTS=/path/to/certificate.pem",
  SELF_SIGNED_CERT_IN_CHAIN: "trust the authority that signed it: NODE_EXTRA_CA_CERTS=/path/to/ca.pem",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "the server must send its chain, or set NODE_EXTRA_CA_CERTS=/path/to/ca.pem",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "trust the authority that signed it: NODE_EXTRA_CA_CERTS=/path/to/ca.pem",
  CERT_HAS_EXPIRED: "renew the server's certificate, or correct this machine's clock",
  CERT_NOT_YET_VALID: "correct this machine's clock",
  ERR_TLS_CERT_ALTNAME_INVALID: "use a name that the certificate holds, or issue one for this name",
  EPROTO: "the port speaks no TLS: use http:// instead of https://",
  ERR_SSL_WRONG_VERSION_NUMBER: "the port speaks no TLS: use http:// instead of https://",
  ERR_SSL_PACKET_LENGTH_TOO_LONG: "the port speaks no TLS: use http:// instead of https://",
  ECONNRESET: "the port hung up during the handshake: does it speak TLS?",
};

/** TLS: the certificate holds, for this name and now. */
export function openTls({ host, port }: Target): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connectTls({ host, port, timeout: HOP_TIMEOUT_MS, ...(isIP(host) === 0 && { servername: host }) });
    const fail = (code: string, cause?: unknown) => {
      socket.destroy();
      reject(
        new HopFailure(`TLS fails (${code})`, TLS_ADVICE[code] ?? "check the certificate and key of the server", cause),
      );
    };
    socket.once("secureConnect", () => {
      const words = `${socket.getProtocol()}, certificate valid until ${socket.getPeerCertificate().valid_to}`;
      socket.destroy();
      resolve(words);
    });
    socket.once("timeout", () => fail("ETIMEDOUT"));
    socket.once("error", (error) => fail(systemCode(error), error));
  });
}

/** An answer to one plain request; for an upgrade also when it was accepted (101). */
export interface ProbeAnswer {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
  readonly sentAt: Timestamp;
  readonly receivedAt: Timestamp;
}

interface ProbeRequest {
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly now: () => Timestamp;
}

const MAX_BODY = 65_536;

/** One GET without any client between us and the wire, so that the answer is what the network gave. */
export function probeHttp({ url }: Target, probe: ProbeRequest): Promise<ProbeAnswer> {
  const request = url.protocol === "https:" ? requestHttps : requestHttp;
  const prefix = url.pathname.replace(/\/+$/, "");
  return new Promise((resolve, reject) => {
    const sentAt = probe.now();
    const call = request(new URL(prefix + probe.path, url), {
      headers: probe.headers ?? {},
      timeout: HOP_TIMEOUT_MS,
      agent: false,
    });
    const answer = (response: IncomingMessage, body: string) =>
      resolve({ status: response.statusCode ?? 0, headers: response.headers, body, sentAt, receivedAt: probe.now() });
    call.once("response", (response) => {
      let body = "";
      response.setEncoding("utf8");
      response.on("data", (part: string) => {
        body += part;
        if (body.length > MAX_BODY) call.destroy();
      });
      response.once("close", () => answer(response, body));
    });
    call.once("upgrade", (response, socket) => {
      socket.destroy();
      answer(response, "");
    });
    call.once("timeout", () => call.destroy(new Error("no answer in time")));
    call.once("error", (error) => reject(error));
    call.end();
  });
}
