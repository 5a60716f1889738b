import { type Clock, hasCode, newMessageId, type PointCategory } from "@muster/core";
import { type Precision, SeriesCache } from "@muster/protocols/points";
import type { Access } from "../../../fleet/access.ts";
import type { Elections } from "../../../fleet/elections.ts";
import type { Points } from "../../../fleet/points.ts";
import type { BodyDecision, PlainRequest, PlainResponse } from "../../../listeners/door.ts";
import { describeFailure, emptyAnswer, IntakeFailure, jsonAnswer } from "./answers.ts";
import { inflateBody, readPoints, readPrecision } from "./body.ts";
import { checkRequest, type IntakePass } from "./credentials.ts";
import { InflatedBodies } from "./inflating.ts";
import { answerPing, answerQuery } from "./influx.ts";
import { type IntakeTarget, methodsOf, readTarget } from "./paths.ts";
import { SIDE_ANSWERS } from "./side-paths.ts";
import { readPackageId, readSource } from "./source.ts";

/** What a backend or our own access control says of a token; `unknown` while nobody can be asked. */
export type TokenVerdict = "good" | "bad" | "unknown";

/** What the intake asks of access control. */
export type IntakeAccess = Pick<Access, "authenticate" | "checkEnrollment">;

/** What the intake asks of the fleet. `Fleet` has this shape. */
export interface IntakeFleet {
  readonly points: Pick<Points, "take" | "hear" | "turns">;
  readonly elections: Pick<Elections, "stand">;
}

export interface IntakeOptions {
  readonly fleet: IntakeFleet;
  readonly access: IntakeAccess;
  readonly clock: Clock;
  readonly log: { warn(fields: object, message: string): void };
  /** True where the operator opened the door to addresses: writing then needs no token. */
  readonly isOpen?: boolean;
  /** Who else knows tokens: the backend, when one is configured. Ours are asked first. */
  readonly checkToken?: (token: string) => Promise<TokenVerdict>;
  /** A body as it is sent, and once it is inflated. Default 64 MiB. */
  readonly maxBodyBytes?: number;
}

/** What the files of the intake share. */
export interface IntakeParts extends IntakeOptions {
  readonly series: SeriesCache;
  readonly bodies: InflatedBodies;
  readonly counters: IntakeCounters;
}

/** What was answered since the start; for the metrics. */
export interface IntakeCounters {
  /** Requests that wrote points. */
  written: number;
  /** Requests that shall not come again: 4xx. */
  refused: number;
  /** Requests that shall: 5xx. */
  failed: number;
}

/** Takes in what agents write, and answers what else they ask of a DataWay over HTTP. */
export interface Intake {
  readonly counters: Readonly<IntakeCounters>;
  /** Whether the body of such a request is worth reading: points are large, and strangers may not send them. Never rejects. */
  admitBody(head: PlainRequest): Promise<BodyDecision>;
  /** Answers one request of a path for which `isIntakePath` is true. Never rejects. */
  respondIntake(request: PlainRequest): Promise<PlainResponse>;
}

type Dialect = Parameters<typeof describeFailure>[1];

const DEFAULT_MAX_BODY = 64 * 1024 * 1024;
/** As it is sent. */
const MAX_SENT = 64 * 1024 * 1024;
/** Whatever writes no points. */
const SMALL_BODY: BodyDecision = { maxBytes: 1024 * 1024, isKnown: false };
/** Bodies that are unpacked at once, and the bytes of those that were and are not taken in yet. */
const INFLATED = { mostAtOnce: 4, mostBytes: 128 * 1024 * 1024 } as const;

export function createIntake(options: IntakeOptions): Intake {
  const counters: IntakeCounters = { written: 0, refused: 0, failed: 0 };
  const parts: IntakeParts = {
    ...options,
    counters,
    series: new SeriesCache(50_000),
    bodies: new InflatedBodies(INFLATED),
  };
  return {
    counters,
    async admitBody(head) {
      const target = readTarget(head.path);
      const writes = target.kind === "write" || target.kind === "influx-write";
      if (!writes || !methodsOf(head.path).includes(head.method)) return SMALL_BODY;
      const pass = await checkRequest(head, parts);
      if (pass.verdict === "good") return { maxBytes: MAX_SENT, isKnown: true };
      const failure = refuseToken(pass, dialectOf(target));
      counters[failure.status < 500 ? "refused" : "failed"] += 1;
      return { refuse: describeFailure(failure, dialectOf(target)) };
    },
    async respondIntake(request) {
      const target = readTarget(request.path);
      try {
        return await answer(parts, request, target);
      } catch (error) {
        const failure = explain(parts, error);
        counters[failure.status < 500 ? "refused" : "failed"] += 1;
        return describeFailure(failure, dialectOf(target));
      }
    },
  };
}

async function answer(parts: IntakeParts, request: PlainRequest, target: IntakeTarget): Promise<PlainResponse> {
  if (request.method === "OPTIONS") return emptyAnswer();
  const methods = methodsOf(request.path);
  const method = request.method === "HEAD" && methods.includes("GET") ? "GET" : request.method;
  if (!methods.includes(method))
    throw new IntakeFailure(405, "methodNotAllowed", `this path takes ${methods.join(", ")}`);
  // these say nothing of anybody
  if (target.kind === "influx-ping") return answerPing(request);
  if (target.kind === "side" && target.name === "ntp")
    return jsonAnswer(200, { timestamp_sec: Math.floor(parts.clock.now() / 1000) });
  if (target.kind === "side" && target.name === "check-token") return answerTokenCheck(parts, request, target.rest);
  const pass = await checkRequest(request, parts);
  if (pass.verdict !== "good") throw refuseToken(pass, dialectOf(target));
  switch (target.kind) {
    case "write":
      await write(parts, request, { category: target.category, precision: "auto", pass, mayBeEmpty: false });
      return jsonAnswer(200, {});
    case "influx-write":
      await write(parts, request, { category: "metric", precision: "n", pass, mayBeEmpty: true });
      return emptyAnswer();
    case "influx-query":
      return answerQuery(request);
    case "side":
      return SIDE_ANSWERS[target.name as keyof typeof SIDE_ANSWERS]({ parts, request, pass });
    case "unknown-category":
      throw new IntakeFailure(400, "invalidCategory", `there is no category "${target.name.slice(0, 50)}"`);
  }
}

interface WriteOrder {
  readonly category: PointCategory;
  /** What times mean when nobody says it. */
  readonly precision: Precision | "auto";
  readonly pass: IntakePass;
  readonly mayBeEmpty: boolean;
}

/** Resolves when the points are committed, or in a queue that survives this process. */
async function write(parts: IntakeParts, request: PlainRequest, order: WriteOrder): Promise<void> {
  if (request.body.length === 0 && !order.mayBeEmpty) throw new IntakeFailure(400, "emptyBody", "the body is empty");
  const inflate = () => inflateBody(request, parts.maxBodyBytes ?? DEFAULT_MAX_BODY);
  await parts.bodies.use(inflate, (body) => takePoints(parts, { request, body, order }));
  parts.counters.written += 1;
}

async function takePoints(
  parts: IntakeParts,
  { request, body, order }: { readonly request: PlainRequest; readonly body: Uint8Array; readonly order: WriteOrder },
): Promise<void> {
  const { points } = parts.fleet;
  const read = await readPoints(request, body, {
    category: order.category,
    receivedAtNs: BigInt(Math.floor(parts.clock.now())) * 1_000_000n,
    precision: readPrecision(request, order.precision),
    series: parts.series,
    turns: points.turns.begin(),
  });
  if ((read.points ?? read.readings).length === 0 && !order.mayBeEmpty)
    throw new IntakeFailure(400, "noPoints", "the body holds no point");
  const source = readSource(request, order.pass.tokenId);
  const packageId = readPackageId(request, order.pass.realm);
  await points.take({ ...read, source, packageId });
}

/** Whether a token is good; by its path, since that is how agents' installers ask. */
async function answerTokenCheck(parts: IntakeParts, request: PlainRequest, rest: string): Promise<PlainResponse> {
  const token = decodeWord(rest.replace(/^\//, ""));
  const asked = { ...request, headers: { "x-token": token }, query: new URLSearchParams() };
  const { verdict } = await checkRequest(asked, { ...parts, isOpen: false });
  if (verdict === "good") return jsonAnswer(200, { code: 200, errorCode: "", message: "" });
  if (verdict === "unknown") throw new IntakeFailure(503, "unavailable", "the token cannot be checked now");
  return jsonAnswer(403, { code: 403, errorCode: "dataway.tokenNotFound", message: "token not found" });
}

function refuseToken(pass: IntakePass, dialect: Dialect): IntakeFailure {
  if (pass.verdict === "unknown") return new IntakeFailure(503, "unavailable", "the token cannot be checked now");
  const message = pass.verdict === "missing" ? "a token is needed" : "token not found";
  return new IntakeFailure(dialect === "dataway" ? 403 : 401, "tokenNotFound", message);
}

function explain(parts: IntakeParts, error: unknown): IntakeFailure {
  if (error instanceof IntakeFailure) return error;
  // whoever writes keeps it and comes again
  if (hasCode(error, "unavailable")) return new IntakeFailure(503, "unavailable", error.message);
  const errorId = newMessageId();
  parts.log.warn({ err: error, errorId }, "a request to the intake failed inside the server");
  return new IntakeFailure(500, "unexpectedInternalServerError", `internal error ${errorId}`);
}

function dialectOf(target: IntakeTarget): Dialect {
  if (target.kind === "influx-write") return target.version === 1 ? "influx-1" : "influx-2";
  return target.kind === "influx-query" ? "influx-1" : "dataway";
}

function decodeWord(word: string): string {
  try {
    return decodeURIComponent(word);
  } catch {
    return "";
  }
}
