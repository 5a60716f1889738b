import { promisify } from "node:util";
import { brotliDecompress, gunzip, inflate, inflateRaw, zstdDecompress } from "node:zlib";
import {
  type DecodedPoints,
  decodeJsonPoints,
  decodeLines,
  decodePbJsonPoints,
  decodeProtobufPoints,
  type Precision,
  parsePrecision,
  type SeriesCache,
} from "@muster/protocols/points";
import type { PointLines } from "../../../fleet/points.ts";
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

/** Points of a body, and its lines where it was lines. */
export interface ReadBody {
  readonly decoded: DecodedPoints;
  readonly kind: "line" | "json" | "protobuf";
  readonly lines: PointLines | undefined;
}

/** What a body is told by its content type; JSON is believed only when it looks like it, and anything else is lines. */
export function readPoints(
  request: PlainRequest,
  body: Uint8Array,
  how: { readonly receivedAtNs: bigint; readonly precision: Precision | "auto"; readonly series: SeriesCache },
): ReadBody {
  const type = single(request.headers["content-type"])?.toLowerCase() ?? "";
  if (type.includes("protobuf"))
    return { decoded: decodeProtobufPoints(body, how), kind: "protobuf", lines: undefined };
  const text = Buffer.from(body.buffer, body.byteOffset, body.length).toString();
  if (type.includes("json") && /^\s*[[{]/.test(text)) {
    const decoded = type.includes("pbjson") ? decodePbJsonPoints(text, how) : decodeJsonPoints(text, how);
    return { decoded, kind: "json", lines: undefined };
  }
  const { precision, receivedAtNs } = how;
  return { decoded: decodeLines(text, how), kind: "line", lines: { text, precision, receivedAtNs } };
}

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
