import type { PlainRequest, PlainResponse } from "../../../listeners/door.ts";
import { emptyAnswer, IntakeFailure, jsonAnswer } from "./answers.ts";

const SERVER = { "x-influxdb-version": "muster", "x-influxdb-build": "OSS" } as const;

/** Answers whether we are there. Nobody needs a token for that. */
export function answerPing({ query }: PlainRequest): PlainResponse {
  return query.has("verbose") ? jsonAnswer(200, { version: "muster" }) : emptyAnswer(SERVER);
}

const MAX_STATEMENTS = 20;

/** What clients ask before they write: whether a database is there, and to make it. Everything else has another place. */
export function answerQuery(request: PlainRequest): PlainResponse {
  const statements = readStatements(request);
  if (statements.length === 0) throw new IntakeFailure(400, "invalidApiArgs", "missing required parameter q");
  return jsonAnswer(200, { results: statements.slice(0, MAX_STATEMENTS).map(answerStatement) });
}

function answerStatement(statement: string, index: number): Record<string, unknown> {
  if (/^create\s+database\s/i.test(statement)) return { statement_id: index };
  if (/^show\s+databases$/i.test(statement)) {
    const series = [{ name: "databases", columns: ["name"], values: [["muster"]] }];
    return { statement_id: index, series };
  }
  throw new IntakeFailure(
    400,
    "notSupported",
    "unsupported query: only CREATE DATABASE and SHOW DATABASES are answered here; read history from /fleet/v1/metrics",
  );
}

function readStatements({ query, body, headers }: PlainRequest): string[] {
  const isForm = String(headers["content-type"] ?? "").includes("x-www-form-urlencoded");
  const form = isForm && body.length <= 64 * 1024 ? new URLSearchParams(Buffer.from(body).toString()) : undefined;
  const text = query.get("q") ?? form?.get("q") ?? "";
  return text.split(";").flatMap((statement) => (statement.trim() === "" ? [] : [statement.trim()]));
}
