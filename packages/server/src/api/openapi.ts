import swagger from "@fastify/swagger";
import type { FastifyInstance } from "fastify";
import { createJsonSchemaTransform } from "fastify-type-provider-zod";
import { SESSION_COOKIE } from "./callers.ts";

/** OpenAPI 3.1, written from the same schemas that check the requests. Register it before the routes. */
export async function mountOpenApi(app: FastifyInstance, version: string): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: "3.1.0",
      info: {
        title: "Muster",
        version,
        description:
          "One control plane for every agent on your hosts. Times are RFC 3339 with Z, durations end in Ms, ratios are " +
          "0..1, sizes are bytes. Errors are RFC 9457 problem details with a `code` from a closed list.",
        license: { name: "Apache-2.0", identifier: "Apache-2.0" },
      },
      components: {
        securitySchemes: {
          token: { type: "http", scheme: "bearer", description: "An API token (`mst_…`)" },
          session: { type: "apiKey", in: "cookie", name: SESSION_COOKIE, description: "What the login sets" },
        },
      },
    },
    transform: createJsonSchemaTransform({}),
  });
}
