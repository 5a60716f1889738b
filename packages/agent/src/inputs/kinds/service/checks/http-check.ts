import type { Point } from "@muster/core";
import * as z from "zod/mini";
import type { Collector } from "../../../collector.ts";
import { defineKind, type KindTools, sampleOf } from "../../shared/kind.ts";
import { duration, flag, integer, options, pattern, text } from "../../shared/options.ts";
import { int, nowNs, pointOf, present, type RawFields } from "../../shared/values.ts";
import { withDeadline } from "../deadline.ts";
import { portOf, shownAddress, webAddresses } from "../endpoint.ts";
import { describeFailure } from "../failure.ts";
import { authHeaders, HTTP_OPTIONS, HTTP_SAMPLE, loadTls, secretsOf, type TlsMaterial } from "../http-options.ts";
import { type HttpAnswer, requestHttp } from "../http-request.ts";
import { withSynonyms } from "../synonyms.ts";
import { forEachFew } from "../targets.ts";
import { matchWithin } from "./match-within.ts";
import { CHECK_RESULTS, type CheckResult, classifyFailure, RESULT_WORDS } from "./results.ts";

const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] as const;
const MAX_REDIRECTS = 5;
/** Nothing else runs while a body is matched. */
const MATCH_WITHIN_MS = 250;

const httpCheckOptions = withSynonyms(
  options({
    ...HTTP_OPTIONS,
    max_body_size: integer(1024 * 1024, { min: 1024, max: 64 * 1024 * 1024 }),
    urls: webAddresses(["http://127.0.0.1:80/"]),
    method: z._default(z.enum(METHODS), "GET"),
    body: text(""),
    timeout: duration(5000, { minMs: 100, maxMs: 300_000 }),
    follow_redirects: flag(false),
    response_string_match: pattern(""),
    response_status_code: integer(0, { min: 0, max: 599 }),
  }),
  { response_timeout: { name: "timeout" }, headers: { name: "http_headers" }, address: { name: "urls", isList: true } },
);
type HttpCheckOptions = z.output<typeof httpCheckOptions>;

export function createHttpCheck(wanted: HttpCheckOptions, tools: KindTools): Collector {
  let tls: TlsMaterial;
  const secrets = secretsOf(wanted, wanted.urls);

  const ask = async (url: URL, signal: AbortSignal): Promise<HttpAnswer> =>
    requestHttp({
      url,
      tls,
      signal,
      clock: tools.clock,
      method: wanted.method,
      maxBytes: wanted.max_body_size,
      redirects: wanted.follow_redirects ? MAX_REDIRECTS : 0,
      headers: { accept: "*/*", "accept-encoding": "gzip", ...(await authHeaders(wanted, url)) },
      ...(wanted.body === "" ? {} : { body: wanted.body }),
    });

  const check = async (url: URL, signal: AbortSignal): Promise<Point | undefined> => {
    const startedAt = tools.clock.monotonic();
    const place = shownAddress(url);
    const tags = { url: place, server: url.hostname.replace(/^\[|\]$/g, ""), port: portOf(url), method: wanted.method };
    const seconds = () => (tools.clock.monotonic() - startedAt) / 1000;
    const finish = (result: CheckResult, status: string | undefined, fields: RawFields) =>
      pointOf("http_check", {
        tags: { ...tags, result, status_code: status },
        fields: { success: result === "success" ? 1n : 0n, result_code: BigInt(CHECK_RESULTS[result]), ...fields },
        timeNs: nowNs(tools.clock),
      });
    try {
      const deadline = { clock: tools.clock, signal, timeoutMs: wanted.timeout, place };
      const answer = await withDeadline(deadline, (own) => ask(url, own));
      const { result, fields } = judgeAnswer(answer, wanted, tools.clock.now());
      return finish(result, String(answer.status), { ...fields, response_time: seconds() });
    } catch (error) {
      signal.throwIfAborted();
      const reason = describeFailure(error, place, secrets);
      return finish(classifyFailure(reason), undefined, { response_time: seconds(), error: reason });
    }
  };

  return {
    async start() {
      tls = await loadTls(wanted);
    },
    async collect(signal) {
      const points: (Point | undefined)[] = [];
      await forEachFew(wanted.urls, async (url) => void points.push(await check(url, signal)));
      await tools.emit("metric", present(points));
    },
  };
}

/** An answer held against what is wanted: by default a status below 400. */
function judgeAnswer(
  answer: HttpAnswer,
  wanted: HttpCheckOptions,
  now: number,
): { result: CheckResult; fields: RawFields } {
  const { status, body, phases } = answer;
  const expected = wanted.response_status_code;
  const isStatus = expected === 0 ? status < 400 : status === expected;
  const expression = wanted.response_string_match;
  const match = expression && matchWithin(expression, body.toString("utf8"), MATCH_WITHIN_MS);
  const isBody = match === undefined ? undefined : match === true;
  const mismatch =
    match === "late" ? `the body takes longer than ${MATCH_WITHIN_MS} ms to match` : "the body does not match";
  const { lookup, connect, tls, firstByte, done } = phases;
  const between = (from: number | undefined, to: number | undefined) =>
    from === undefined || to === undefined ? undefined : Math.max(0, to - from);
  const end = answer.certificateEndsAt;
  return {
    result: isStatus && isBody !== false ? "success" : "mismatch",
    fields: {
      http_response_code: BigInt(status),
      status_match: isStatus ? 1n : 0n,
      body_match: isBody === undefined ? undefined : isBody ? 1n : 0n,
      content_length: BigInt(body.length),
      dns_time: lookup,
      connect_time: between(lookup ?? 0, connect),
      tls_time: between(connect, tls),
      first_byte_time: between(tls ?? connect, firstByte),
      download_time: between(firstByte, done),
      certificate_expires_in: end === undefined ? undefined : int((end - now) / 1000),
      error: isStatus ? (isBody === false ? mismatch : undefined) : `status ${status}`,
    },
  };
}

export const httpCheck = defineKind({
  name: "http_check",
  aliases: ["http_response"],
  catalog: "network",
  summary: "Whether web addresses answer as they should, how fast, and for how long their certificates hold",
  defaultIntervalMs: 60_000,
  options: httpCheckOptions,
  create: createHttpCheck,
  sample: sampleOf({
    name: "http_check",
    about: "Asks web addresses and tells whether they answered as they should.",
    interval: "1m",
    body: `
  urls = ["http://127.0.0.1:80/"]
  method = "GET"
  timeout = "5s"
  # What is sent with POST and the like.
  # body = ""
  # Go where an answer sends us, five times at most.
  # follow_redirects = false
  # What the answer must be: a status (0: any below 400), and a regular expression in the body.
  # response_status_code = 200
  # response_string_match = "ok"
  # A longer body is a failure. Bytes.
  # max_body_size = 1048576${HTTP_SAMPLE}`,
  }),
  measurements: [
    {
      name: "http_check",
      category: "metric",
      about: "One point for each address and check, whatever its outcome.",
      tags: {
        url: "the address without user, password and query",
        server: "host of the address",
        port: "port of the address",
        method: "what was asked",
        result: RESULT_WORDS,
        status_code: "status of the answer, when there was one",
      },
      fields: {
        success: "1 when the answer was as wanted, else 0",
        result_code: "the number of the tag result",
        error: "what was wrong, in words; absent with success",
        http_response_code: "status of the answer",
        status_match: "1 when the status was as wanted, else 0",
        body_match: "1 when the body matched, else 0; with response_string_match",
        content_length: "length of the body once it is unpacked, bytes",
        response_time: "from the start to the end of the answer or to the failure, seconds",
        dns_time: "until the address was known, seconds",
        connect_time: "until the connection stood, seconds",
        tls_time: "until TLS was agreed on, seconds",
        first_byte_time: "until the answer began, seconds",
        download_time: "until the answer ended, seconds",
        certificate_expires_in: "until the server's certificate ends, seconds; negative once it has ended",
      },
    },
  ],
});
