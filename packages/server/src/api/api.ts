import type { IncomingMessage, ServerResponse } from "node:http";
import { MusterError } from "@muster/core";
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import { serializerCompiler, validatorCompiler } from "fastify-type-provider-zod";
import { z } from "zod";
import type { PlainRequest, UpgradeDecision } from "../listeners/door.ts";
import { agentRoutes } from "./agents.ts";
import { auditRoutes } from "./audit.ts";
import { commandRoutes } from "./commands.ts";
import { configRoutes } from "./configs.ts";
import { isPageRequest, mountConsole, sendPage } from "./console.ts";
import type { ApiContext } from "./context.ts";
import { enrollmentTokenRoutes } from "./enrollment-tokens.ts";
import { toProblem } from "./errors.ts";
import { groupRoutes } from "./groups.ts";
import { inputRoutes } from "./inputs.ts";
import { installRoutes } from "./install.ts";
import { InstallFiles } from "./install-files.ts";
import { Live } from "./live.ts";
import { metricRoutes } from "./metrics.ts";
import { mountRoute, type Visit } from "./mount.ts";
import { mountOpenApi } from "./openapi.ts";
import { openApiPageRoutes } from "./openapi-page.ts";
import { recordRoutes } from "./records.ts";
import { rolloutRoutes } from "./rollouts.ts";
import { defineRawRoute, defineRoute, type Route } from "./route.ts";
import { runRoutes } from "./runs.ts";
import { secretRoutes } from "./secrets.ts";
import { selfRoutes } from "./self.ts";
import { systemRoutes } from "./system.ts";
import { Telemetry } from "./telemetry.ts";
import { tokenRoutes } from "./tokens.ts";
import { userRoutes } from "./users.ts";

export interface ApiOptions extends ApiContext {
  /** Where the agent is bundled in a checkout. */
  readonly cacheDir: string;
  /** The folder of the console's files; undefined when it is not built. */
  readonly consoleDir: string | undefined;
  /** Paths that doors answer, for the description of everything. */
  readonly otherPaths?: Readonly<Record<string, unknown>> | undefined;
  /** Told of every internal error, with the id that its answer carries. */
  onFailure(error: unknown, errorId: string): void;
}

/** Our HTTP API and the console. It listens on nothing: a listener hands it requests and upgrades. */
export class Api {
  /** Every route, for the tests that try them all. */
  readonly routes: readonly Route[];
  readonly live: Live;
  readonly #app: FastifyInstance;
  readonly #telemetry: Telemetry;
  readonly #visits = new WeakMap<IncomingMessage, Visit>();

  private constructor(parts: { app: FastifyInstance; routes: readonly Route[]; live: Live; telemetry: Telemetry }) {
    this.#app = parts.app;
    this.routes = parts.routes;
    this.live = parts.live;
    this.#telemetry = parts.telemetry;
  }

  static async open(options: ApiOptions): Promise<Api> {
    const app = fastify({
      logger: false,
      // the listener keeps the limits of sockets; these are the router's
      routerOptions: { maxParamLength: 200, ignoreTrailingSlash: false, caseSensitive: true },
      return503OnClosing: false,
      requestIdHeader: false,
      // a path that cannot be decoded never reaches a route
      frameworkErrors: (error, _request, reply) => sendProblem(reply as unknown as FastifyReply, error, options),
    });
    const telemetry = new Telemetry(() => options.facts.readings());
    const routes = collectRoutes(options, telemetry, () => describeAll(app, options));
    const api = new Api({ app, routes, live: new Live(options), telemetry });
    await api.#mount(options);
    return api;
  }

  handle(request: IncomingMessage, response: ServerResponse, visit: Visit): void {
    this.#visits.set(request, visit);
    this.#app.routing(request, response);
  }

  upgrade(request: PlainRequest, visit: Visit): Promise<UpgradeDecision> {
    return this.live.upgrade(request, visit);
  }

  /** Tells watchers to come back later. */
  drain(): void {
    this.live.close();
  }

  async close(): Promise<void> {
    this.live.close();
    this.#telemetry.close();
    await this.#app.close();
  }

  async #mount(options: ApiOptions): Promise<void> {
    const app = this.#app;
    app.setValidatorCompiler(validatorCompiler);
    app.setSerializerCompiler(serializerCompiler);
    // only JSON: a form of another site could send the rest without asking
    app.removeContentTypeParser("text/plain");
    app.setErrorHandler((error, _request, reply) => sendProblem(reply, error, options));
    app.setNotFoundHandler((request, reply) => this.#answerMissing(request, reply, options));
    await mountOpenApi(app, options.facts.version);
    await mountConsole(app, options.consoleDir);
    const visitOf = (request: FastifyRequest) => this.#visitOf(request);
    const { access, own, facts } = options;
    const context = { access, own, visitOf, reportFailure: facts.reportFailure };
    for (const route of this.routes) mountRoute(app, route, context);
    await app.ready();
  }

  #visitOf(request: FastifyRequest): Visit {
    return this.#visits.get(request.raw) ?? { source: { address: request.ip }, secure: false };
  }

  /** Nothing has this method and path: a page of the console, another method's path, or nothing at all. */
  #answerMissing(request: FastifyRequest, reply: FastifyReply, options: ApiOptions): FastifyReply {
    if (isPageRequest(request)) return sendPage(reply, options.consoleDir);
    const methods = this.#methodsOf(request.url.split("?")[0] ?? "");
    if (methods.length === 0) return sendProblem(reply, new MusterError("not_found", "there is no such path"), options);
    reply.header("allow", [...methods, "OPTIONS"].join(", "));
    if (request.method === "OPTIONS") return reply.code(204).send();
    const refusal = Object.assign(new Error(`the path takes ${methods.join(", ")}`), { statusCode: 405 });
    return sendProblem(reply, refusal, options);
  }

  #methodsOf(path: string): string[] {
    const methods = this.routes.filter((route) => patternOf(route.path).test(path)).map((route) => route.method);
    return methods.includes("GET") ? [...methods, "HEAD"] : methods;
  }
}

function collectRoutes(options: ApiOptions, telemetry: Telemetry, document: () => unknown): Route[] {
  return [
    ...selfRoutes(options),
    ...systemRoutes(options, telemetry),
    ...agentRoutes(options),
    ...groupRoutes(options),
    ...inputRoutes(options),
    ...configRoutes(options),
    ...rolloutRoutes(options),
    ...secretRoutes(options),
    ...commandRoutes(options),
    ...runRoutes(options),
    ...metricRoutes(options),
    ...recordRoutes(options),
    ...userRoutes(options),
    ...tokenRoutes(options),
    ...enrollmentTokenRoutes(options),
    ...auditRoutes(options),
    ...installRoutes(options, new InstallFiles(options.cacheDir)),
    ...openApiPageRoutes(document),
    defineRawRoute({
      path: "/live",
      action: "live.open",
      summary: "The live stream: a WebSocket with JSON frames, see docs/api.md",
      contentType: "text/plain",
      async handler() {
        throw new MusterError("failed_precondition", "open this path as a WebSocket");
      },
    }),
    defineRoute({
      method: "GET",
      path: "/openapi.json",
      action: "public",
      summary: "This API, as OpenAPI 3.1",
      response: z.record(z.string(), z.unknown()),
      handler: async () => document() as Record<string, unknown>,
    }),
  ];
}

function describeAll(app: FastifyInstance, { otherPaths }: ApiOptions): unknown {
  const document = app.swagger();
  return { ...document, paths: { ...document.paths, ...otherPaths } };
}

function patternOf(path: string): RegExp {
  return new RegExp(`^${path.replaceAll(".", "\\.").replace(/:[A-Za-z]+/g, "[^/]+")}$`);
}

function sendProblem(reply: FastifyReply, error: unknown, options: ApiOptions): FastifyReply {
  const { problem, headers, logged } = toProblem(error);
  if (logged) options.onFailure(logged.error, logged.errorId);
  return reply
    .code(problem.status)
    .headers(headers)
    .type("application/problem+json")
    .serializer((payload: unknown) => JSON.stringify(payload))
    .send(problem);
}
