import { createHash } from "node:crypto";
import type { TokenId } from "@muster/core";
import { includesRole } from "../../../fleet/access-rules.ts";
import type { PlainRequest } from "../../../listeners/door.ts";
import type { IntakeOptions, TokenVerdict } from "./intake.ts";

/** Whether a request may write, and with which enrolment token of ours, where it is one. */
export interface IntakePass {
  readonly verdict: TokenVerdict | "missing";
  readonly tokenId: TokenId | null;
  /** Tells the holders of one token from those of another, and cannot be turned back into it. */
  readonly realm: string;
}

const MAX_TOKEN = 512;

/**
 * Every token that a request may carry, the likeliest first: DataWay's header and query, InfluxDB's `Token` and bearer
 * header, a basic password, InfluxDB 1's `p`, and `db`, since some clients can say nothing else.
 */
export function listTokens({ headers, query }: Pick<PlainRequest, "headers" | "query">): string[] {
  const found = [single(headers["x-token"]), query.get("token"), ...readAuthorization(single(headers.authorization))];
  found.push(query.get("p"), query.get("db"));
  return [...new Set(found.filter((token): token is string => isToken(token)))];
}

/** Asks our own access control first, since our agents' tokens are ours whatever the backend says. */
export async function checkRequest(request: PlainRequest, options: IntakeOptions): Promise<IntakePass> {
  if (options.isOpen === true) return { verdict: "good", tokenId: null, realm: "open" };
  const tokens = listTokens(request);
  let verdict: IntakePass["verdict"] = "missing";
  for (const token of tokens) {
    const realm = createHash("sha256").update(token).digest("hex").slice(0, 32);
    const tokenId = options.access.checkEnrollment(token);
    if (tokenId !== undefined) return { verdict: "good", tokenId, realm };
    const answer = await checkElsewhere(token, options);
    if (answer === "good") return { verdict: "good", tokenId: null, realm };
    // while nobody can be asked about one of them, no refusal is final
    if (verdict !== "unknown") verdict = answer;
  }
  return { verdict, tokenId: null, realm: "" };
}

async function checkElsewhere(token: string, options: IntakeOptions): Promise<TokenVerdict> {
  try {
    const identity = await options.access.authenticate({ bearer: token });
    if (identity && includesRole(identity.principal.role, "operator")) return "good";
    return (await options.checkToken?.(token)) ?? "bad";
  } catch {
    return "unknown";
  }
}

function readAuthorization(header: string | undefined): (string | undefined)[] {
  const match = /^(Token|Bearer|Basic) +(\S+)$/i.exec(header ?? "");
  const value = match?.[2];
  if (!match || value === undefined) return [];
  const text = match[1]?.toLowerCase() === "basic" ? Buffer.from(value, "base64").toString() : value;
  const colon = text.indexOf(":");
  if (colon === -1) return [text];
  // a client that has a field for a user only puts the token there
  return [text.slice(colon + 1), text.slice(0, colon)];
}

function isToken(text: string | null | undefined): boolean {
  return text !== undefined && text !== null && text !== "" && text.length <= MAX_TOKEN;
}

export function single(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value;
}
