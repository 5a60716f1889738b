import { DATAWAY_ERRORS } from "@muster/protocols/dataway";
import { z } from "zod";
import { PROTOCOL } from "./parts.ts";
import type { WebRoute } from "./web-call.ts";

import { WEB_ROUTES } from "./web-routes.ts";

const FAILURE = {
  description: `A failure: \`{"code": "from.errCode", "status", "msg"}\` with the same HTTP status. The codes: ${Object.keys(DATAWAY_ERRORS).join(", ")}.`,
  content: {
    "application/json": {
      schema: {
        type: "object",
        required: ["code", "status", "msg"],
        properties: {
          code: { type: "string" },
          status: { type: "integer" },
          msg: { type: "string" },
          line: { type: "integer" },
          column: { type: "integer" },
        },
      },
    },
  },
};

/** The web's routes as paths of OpenAPI 3.1, from the same schemas that check the requests. */
export function describeWebRoutes(): Record<string, Record<string, unknown>> {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const route of WEB_ROUTES) {
    const path = route.path.replace(/:([A-Za-z]+)/g, "{$1}");
    const operations = paths[path] ?? {};
    operations[route.method.toLowerCase()] = describeRoute(route);
    paths[path] = operations;
  }
  return paths;
}

function describeRoute(route: WebRoute): Record<string, unknown> {
  const names = [...route.path.matchAll(/:([A-Za-z]+)/g)].map((match) => match[1] ?? "");
  const inPath = names.map((name) => ({ name, in: "path", required: true, schema: { type: "string" } }));
  const content = route.content === undefined ? { type: "null" } : schemaOf(route.content, "output");
  const id = route.status === 201 ? { id: { type: "string" } } : {};
  const success = {
    type: "object",
    required: ["code", "status", "content"],
    properties: { code: { const: "ok" }, status: { const: route.status }, content, ...id },
  };
  return {
    summary: route.summary,
    description: `Action: \`${route.action}\`. The token may also come as the password of Basic, or as \`X-Token\`.`,
    operationId: operationIdOf(route),
    tags: [PROTOCOL],
    security: [{ token: [] }],
    parameters: [...inPath, ...describeQuery(route.query)],
    ...(route.body && {
      requestBody: { required: true, content: { "application/json": { schema: schemaOf(route.body, "input") } } },
    }),
    responses: {
      [route.status]: { description: "Done", content: { "application/json": { schema: success } } },
      default: FAILURE,
    },
  };
}

function describeQuery(query: z.ZodType | undefined): unknown[] {
  if (!query) return [];
  const { properties = {} } = schemaOf(query, "input") as { properties?: Record<string, unknown> };
  return Object.entries(properties).map(([name, schema]) => ({ name, in: "query", required: false, schema }));
}

function schemaOf(schema: z.ZodType, io: "input" | "output"): unknown {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: "any" });
  return rest;
}

function operationIdOf({ method, path }: WebRoute): string {
  const words = path.split(/[^A-Za-z]+/).filter((word) => word !== "");
  return method.toLowerCase() + words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join("");
}
