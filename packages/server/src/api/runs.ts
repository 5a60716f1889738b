import { Readable } from "node:stream";
import { MusterError } from "@muster/core";
import {
  outputQuerySchema,
  runListQuerySchema,
  runSchema,
  runWithCommandPageSchema,
  runWithCommandSchema,
} from "@muster/core/resources";
import type { ApiContext } from "./context.ts";
import { readOutputLines } from "./output-stream.ts";
import { idParams } from "./params.ts";
import { defineRawRoute, defineRoute, type Route } from "./route.ts";
import { identityOf } from "./self.ts";

/** Followers cost a socket and a query per change each. */
const MAX_FOLLOWERS = 500;

/** Runs: one command on one agent. */
export function runRoutes(context: ApiContext): Route[] {
  const { fleet } = context;
  let followers = 0;
  return [
    defineRoute({
      method: "GET",
      path: "/runs",
      action: "commands.read",
      summary: "Runs of all commands, newest first",
      query: runListQuerySchema,
      response: runWithCommandPageSchema,
      handler: (call) => fleet.commands.listAllRuns(call.query),
    }),
    defineRoute({
      method: "GET",
      path: "/runs/:id",
      action: "commands.read",
      summary: "One run",
      params: idParams,
      response: runWithCommandSchema,
      handler: (call) => fleet.commands.getRun(call.params.id),
    }),
    defineRoute({
      method: "POST",
      path: "/runs/:id/cancel",
      action: "commands.cancel",
      summary: "Stop one run",
      params: idParams,
      response: runSchema,
      audit: (call) => ({ target: `run:${call.params.id}` }),
      handler: (call) => fleet.commands.cancelRun(call.params.id),
    }),
    defineRawRoute({
      path: "/runs/:id/output",
      action: "commands.read",
      summary: "What the run wrote after chunk `after`, one JSON object per line; `follow` waits until it has ended",
      params: idParams,
      query: outputQuerySchema,
      contentType: "application/x-ndjson",
      async handler(call) {
        const run = await fleet.commands.getRun(call.params.id);
        if (followers >= MAX_FOLLOWERS)
          throw new MusterError("unavailable", "too many readers", { retryAfterMs: 5000 });
        followers += 1;
        const { after, follow } = call.query;
        const asked = { runId: run.id, after, follow, identity: identityOf(call), signal: call.signal };
        const body = Readable.from(readOutputLines(context, asked), { objectMode: false, highWaterMark: 65_536 });
        body.once("close", () => {
          followers -= 1;
        });
        const headers = { "cache-control": "no-store" };
        return { contentType: "application/x-ndjson", body, endless: follow, headers };
      },
    }),
  ];
}
