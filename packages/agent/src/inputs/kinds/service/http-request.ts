import { type ClientRequest, type IncomingMessage, request as plainRequest, type RequestOptions } from "node:http";
import { request as tlsRequest } from "node:https";
import type { Socket } from "node:net";
import type { Readable } from "node:stream";
import type { TLSSocket } from "node:tls";
import { createBrotliDecompress, createGunzip, createInflate } from "node:zlib";
import type { Clock } from "@muster/core";
import { shownAddress } from "./endpoint.ts";
import { ServiceTrouble } from "./failure.ts";
import type { TlsMaterial } from "./http-options.ts";

export interface HttpRequest {
  readonly url: URL;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly tls: TlsMaterial;
  /** Of the body once it is decompressed. */
  readonly maxBytes: number;
  readonly signal: AbortSignal;
  readonly clock: Clock;
  /** Default 0: an answer that sends us elsewhere is an answer. */
  readonly redirects?: number;
}

/** Seconds since the request began, as far as it came. */
export interface HttpPhases {
  lookup?: number;
  connect?: number;
  tls?: number;
  firstByte?: number;
  done?: number;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly body: Buffer;
  /** Of the last request, when there were redirects. */
  readonly phases: HttpPhases;
  /** When the server's certificate ends, in ms since 1970; undefined without TLS. */
  readonly certificateEndsAt?: number;
}

/** One request over a connection of its own. Rejects as sockets do, with `ServiceTrouble` for what is too large. */
export async function requestHttp(wanted: HttpRequest): Promise<HttpAnswer> {
  const answer = await requestOnce(wanted);
  const redirects = wanted.redirects ?? 0;
  const { location } = answer.headers;
  if (redirects <= 0 || location === undefined || ![301, 302, 303, 307, 308].includes(answer.status)) return answer;
  const next = URL.parse(location, wanted.url.href);
  if (!next || (next.protocol !== "http:" && next.protocol !== "https:")) return answer;
  const isSame = next.origin === wanted.url.origin;
  const keepsMethod = answer.status === 307 || answer.status === 308;
  const { body, headers = {}, method, ...rest } = wanted;
  return requestHttp({
    ...rest,
    url: next,
    redirects: redirects - 1,
    headers: isSame ? headers : withoutSecrets(headers),
    ...(keepsMethod && isSame && body !== undefined ? { body } : {}),
    method: keepsMethod || method === "HEAD" ? (method ?? "GET") : "GET",
  });
}

/** Another server gets neither the password nor whatever else was meant for the first one. */
function withoutSecrets(headers: Readonly<Record<string, string>>): Record<string, string> {
  const kept = ["accept", "accept-encoding", "user-agent"];
  return Object.fromEntries(Object.entries(headers).filter(([name]) => kept.includes(name.toLowerCase())));
}

function requestOnce(wanted: HttpRequest): Promise<HttpAnswer> {
  const { url, signal, clock, body } = wanted;
  const startedAt = clock.monotonic();
  const phases: HttpPhases = {};
  const mark = (phase: keyof HttpPhases) => {
    phases[phase] = (clock.monotonic() - startedAt) / 1000;
  };
  const isTls = url.protocol === "https:";
  const options: RequestOptions = {
    method: wanted.method ?? "GET",
    hostname: url.hostname.replace(/^\[|\]$/g, ""),
    port: url.port === "" ? (isTls ? 443 : 80) : url.port,
    path: `${url.pathname}${url.search}`,
    // no `Connection: keep-alive` and nothing left open: targets are visited too rarely
    agent: false,
    signal,
    maxHeaderSize: 64 * 1024,
    headers: {
      "user-agent": "muster-agent",
      ...wanted.headers,
      ...(body === undefined ? {} : { "content-length": String(Buffer.byteLength(body)) }),
    },
  };
  return new Promise((resolve, reject) => {
    let ending: number | undefined;
    let request: ClientRequest;
    try {
      request = isTls ? tlsRequest({ ...options, ...wanted.tls }) : plainRequest(options);
    } catch (error) {
      reject(error); // a header that no header can hold
      return;
    }
    request.once("socket", (socket: Socket) => {
      socket.once("lookup", () => mark("lookup"));
      socket.once("connect", () => mark("connect"));
      socket.once("secureConnect", () => {
        mark("tls");
        ending = endOfCertificate(socket as TLSSocket);
      });
    });
    request.once("error", reject);
    request.once("response", (response) => {
      mark("firstByte");
      readBody(response, wanted).then((bytes) => {
        mark("done");
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: bytes,
          phases,
          ...(ending === undefined ? {} : { certificateEndsAt: ending }),
        });
      }, reject);
    });
    request.end(body);
  });
}

function endOfCertificate(socket: TLSSocket): number | undefined {
  const at = Date.parse(socket.getPeerCertificate().valid_to ?? "");
  return Number.isNaN(at) ? undefined : at;
}

/** The body, decompressed. What is longer than allowed is given up as soon as it is. */
async function readBody(response: IncomingMessage, { maxBytes, url, method }: HttpRequest): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let size = 0;
  // these have no body, whatever their headers say of one
  const isEmpty = method === "HEAD" || response.statusCode === 204 || response.statusCode === 304;
  const stream = isEmpty ? response : decompressed(response);
  try {
    for await (const piece of stream) {
      size += (piece as Buffer).length;
      if (size > maxBytes) throw new ServiceTrouble(`${shownAddress(url)} answered with more than ${maxBytes} bytes`);
      pieces.push(piece as Buffer);
    }
  } finally {
    stream.destroy();
    response.destroy();
  }
  return Buffer.concat(pieces);
}

function decompressed(response: IncomingMessage): Readable {
  const decoder = decoderOf(String(response.headers["content-encoding"] ?? "").toLowerCase());
  if (!decoder) return response;
  response.once("error", (error) => decoder.destroy(error));
  return response.pipe(decoder);
}

function decoderOf(encoding: string) {
  if (encoding === "gzip" || encoding === "x-gzip") return createGunzip();
  if (encoding === "deflate") return createInflate();
  return encoding === "br" ? createBrotliDecompress() : undefined;
}
