import { promisify } from "node:util";
import { brotliDecompress, gunzip, inflate, inflateRaw, zstdDecompress } from "node:zlib";
import type { Point, PointCategory } from "@muster/core";
import {
  type DecodedPoints,
  type DecodedReadings,
  decodeJsonInSteps,
  decodeLinesInSteps,
  decodePbJsonInSteps,
  decodeProtobufInSteps,
  decodeReadingsInSteps,
  describeProblems,
  type Precision,
  parsePrecision,
  runInTurns,
  type SeriesCache,
  type Turns,
} from "@muster/protocols/points";
import type { MeasuredLines } from "../../../fleet/points.ts";
import type { PlainRequest } from "../../../listeners/door.ts";
import { IntakeFailure } from "./answers.ts";
import { single } from "./credentials.ts";

type Inflate = (body: Uint8Array, options: { maxOutputLength: number }) => Promise<Buffer>;

const INFLATERS: Readonly<Record<string, Inflate>> = {
  gzip: promisify(gunzip) as Inflate,
  "x-gzip": promisify(gunzip) as Inflate,
  deflate: inflateEither,
  br: promisify(brotliDecompress) as Inflate,
  zstd: promisify(zstdDecompress) as Inflate,
};

/** The body as it was before it was compressed. Throws an IntakeFailure. */
export async function inflateBody(request: PlainRequest, maxBytes: number): Promise<Uint8Array> {
  let { body } = request;
  for (const name of listEncodings(request)) {
    const inflater = Object.hasOwn(INFLATERS, name) ? INFLATERS[name] : undefined;
    if (!inflater) throw new IntakeFailure(415, "unsupportedEncoding", `the encoding "${name}" is not known here`);
    body = await inflater(body, { maxOutputLength: maxBytes }).catch((error: unknown) => {
      if (error instanceof RangeError || isTooLarge(error)) throw tooLarge(maxBytes);
      throw new IntakeFailure(400, "decodeBodyFailed", `the body is no ${name}`);
    });
  }
  if (body.length > maxBytes) throw tooLarge(maxBytes);
  return body;
}

/** What a body holds, in the form in which it is taken in. */
export type ReadBody = MeasuredLines | { readonly category: PointCategory; readonly points: readonly Point[] };

export interface ReadOrder {
  readonly category: PointCategory;
  readonly receivedAtNs: bigint;
  readonly precision: Precision | "auto";
  readonly series: SeriesCache;
  readonly turns: Turns;
}

/**
 * What a body is told by its content type; JSON is believed only when it looks like it, and anything else is lines. Throws an
 * IntakeFailure.
 */
export async function readPoints(request: PlainRequest, body: Uint8Array, order: ReadOrder): Promise<ReadBody> {
  const { category, turns, precision, receivedAtNs } = order;
  const type = single(request.headers["content-type"])?.toLowerCase() ?? "";
  if (type.includes("protobuf")) {
    const decoded = await runInTurns(decodeProtobufInSteps(body, order), turns);
    return { category, points: accept(decoded, "invalidProtobufPoint").points };
  }
  if (type.includes("json") && looksLikeJson(body)) {
    const text = Buffer.from(body.buffer, body.byteOffset, body.length).toString();
    const steps = type.includes("pbjson") ? decodePbJsonInSteps(text, order) : decodeJsonInSteps(text, order);
    return { category, points: accept(await runInTurns(steps, turns), "invalidJsonPoint").points };
  }
  if (category !== "metric") {
    const decoded = await runInTurns(decodeLinesInSteps(body, order), turns);
    return { category, points: accept(decoded, "invalidLinePoint").points };
  }
  const decoded = await runInTurns(decodeReadingsInSteps(body, order), turns);
  const { readings } = accept(decoded, "invalidLinePoint");
  return { category, readings, lines: { bytes: body, precision, receivedAtNs } };
}

type Decoded = DecodedPoints | DecodedReadings;

function accept<Answer extends Decoded>(decoded: Answer, errorName: string): Exclude<Answer, { problemCount: number }> {
  if (decoded.problems) throw new IntakeFailure(400, errorName, describeProblems(decoded));
  return decoded as Exclude<Answer, { problemCount: number }>;
}

function looksLikeJson(body: Uint8Array): boolean {
  const first = body.find((byte) => !WHITE_SPACE.has(byte));
  return first === 0x5b || first === 0x7b;
}

const WHITE_SPACE: ReadonlySet<number> = new Set(Buffer.from(" \t\r\n"));

/** The unit of times: the query's, the header's, or what the path means by default. Throws an IntakeFailure. */
export function readPrecision({ query, headers }: PlainRequest, fallback: Precision | "auto"): Precision | "auto" {
  const name = query.get("precision") || single(headers["x-precision"]);
  if (!name) return fallback;
  const precision = parsePrecision(name);
  if (!precision) throw new IntakeFailure(400, "invalidPrecision", "precision: expected one of n, u, ms, s, m, h");
  return precision;
}

/** In the order in which they have to be undone. */
function listEncodings({ headers, query, body }: PlainRequest): string[] {
  const text = single(headers["content-encoding"]) || query.get("encoding") || "";
  const names = text
    .toLowerCase()
    .split(",")
    .map((name) => name.trim());
  const encodings = names.filter((name) => name !== "" && name !== "identity").reverse();
  // no point in any format begins like this; some senders forget to say it
  if (encodings.length === 0 && body[0] === 0x1f && body[1] === 0x8b) return ["gzip"];
  return encodings.slice(0, 3);
}

/** What is called deflate has a header by the book, and none by habit. */
async function inflateEither(body: Uint8Array, options: { maxOutputLength: number }): Promise<Buffer> {
  const hasHeader = ((body[0] ?? 0) & 0x0f) === 8 && (((body[0] ?? 0) << 8) | (body[1] ?? 0)) % 31 === 0;
  return promisify(hasHeader ? inflate : inflateRaw)(body, options);
}

function isTooLarge(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ERR_BUFFER_TOO_LARGE";
}

function tooLarge(maxBytes: number): IntakeFailure {
  return new IntakeFailure(413, "bodyTooLarge", `the body is longer than ${maxBytes} bytes`);
}
