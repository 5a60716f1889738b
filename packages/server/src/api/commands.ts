import {
  type CommandSpec,
  commandListQuerySchema,
  commandPageSchema,
  commandRequestSchema,
  commandSchema,
  runListQuerySchema,
  runPageSchema,
  targetPreviewSchema,
  targetsSchema,
} from "@muster/core/resources";
import { z } from "zod";
import type { ApiContext } from "./context.ts";
import { idParams } from "./params.ts";
import { defineRoute, type Route } from "./route.ts";
import { identityOf } from "./self.ts";

/** A hundred thousand ids. */
const BODY_BYTES = 8 * 1024 * 1024;
const MAX_AUDITED_TEXT = 500;

/** Commands: give one, see who is meant, watch, cancel. */
export function commandRoutes({ fleet }: ApiContext): Route[] {
  return [
    defineRoute({
      method: "POST",
      path: "/commands",
      action: "commands.create",
      summary: "Run a command on the targets; an Idempotency-Key makes a repeat harmless",
      body: commandRequestSchema,
      response: commandSchema,
      status: 201,
      bodyLimitBytes: BODY_BYTES,
      audit: (call, command) => ({
        target: `command:${command.id}`,
        details: { ...describe(call.body), runs: command.total },
      }),
      async handler(call) {
        const key = call.idempotencyKey;
        // a key is its caller's own, and names of tokens may repeat
        const own = key === undefined ? undefined : `${identityOf(call).principal.id} ${key}`;
        const by = { actor: call.actor, ...(own !== undefined && { idempotencyKey: own }) };
        const { command, replayed } = await fleet.commands.create(call.body, by);
        if (replayed) call.setHeader("idempotent-replayed", "true");
        return command;
      },
    }),
    defineRoute({
      method: "POST",
      path: "/commands/preview",
      action: "commands.create",
      summary: "Exactly who a command with these targets would go to now",
      body: z.strictObject({ targets: targetsSchema }),
      response: targetPreviewSchema,
      bodyLimitBytes: BODY_BYTES,
      audit: "none",
      handler: (call) => fleet.commands.preview(call.body.targets),
    }),
    defineRoute({
      method: "GET",
      path: "/commands",
      action: "commands.read",
      summary: "List commands, newest first",
      query: commandListQuerySchema,
      response: commandPageSchema,
      handler: (call) => fleet.commands.list(call.query),
    }),
    defineRoute({
      method: "GET",
      path: "/commands/:id",
      action: "commands.read",
      summary: "One command",
      params: idParams,
      response: commandSchema,
      handler: (call) => fleet.commands.get(call.params.id),
    }),
    defineRoute({
      method: "GET",
      path: "/commands/:id/runs",
      action: "commands.read",
      summary: "The runs of a command",
      params: idParams,
      query: runListQuerySchema,
      response: runPageSchema,
      handler: (call) => fleet.commands.listRuns(call.params.id, call.query),
    }),
    defineRoute({
      method: "POST",
      path: "/commands/:id/cancel",
      action: "commands.cancel",
      summary: "Stop a command: what waits never starts, what runs is stopped",
      params: idParams,
      response: commandSchema,
      audit: (call) => ({ target: `command:${call.params.id}` }),
      handler: (call) => fleet.commands.cancel(call.params.id),
    }),
  ];
}

/** The text is what an auditor looks for; values of variables may be secrets and are left out. */
function describe(spec: CommandSpec): Record<string, unknown> {
  const text = spec.text ?? (spec.argv ?? []).join(" ");
  return {
    text: text.length <= MAX_AUDITED_TEXT ? text : `${text.slice(0, MAX_AUDITED_TEXT)}…`,
    envNames: Object.keys(spec.env),
    user: spec.user,
    targets: { ...spec.targets, ids: spec.targets.ids.slice(0, 20), idCount: spec.targets.ids.length },
  };
}
