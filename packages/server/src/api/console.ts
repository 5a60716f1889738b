import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import fastifyStatic from "@fastify/static";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";

const HERE = fileURLToPath(new URL(".", import.meta.url));

/** The console's own pages: nothing from elsewhere, in nobody's frame. Style attributes are how its widgets move. */
const CONSOLE_POLICY = [
  "default-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "object-src 'none'",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
].join("; ");

/** Answers of the API are never pages. */
const API_POLICY = "default-src 'none'; frame-ancestors 'none'";

const NOT_BUILT = `<!doctype html><meta charset="utf-8"><title>Muster</title>
<p>The server runs. Its console is not built yet: run <code>npm run build</code>, or use the API at /fleet/v1.</p>
`;

/** Where the console's files are: beside the server's bundle, or in a checkout. Undefined when it is not built. */
export function findConsole(): string | undefined {
  const places = [
    join(HERE, "console"),
    join(HERE, "../../../muster/dist/console"),
    join(HERE, "../../../console/dist"),
  ];
  return places.find((place) => existsSync(join(place, "index.html")));
}

/** Serves the console's files. Names under /assets carry a hash of their content, so they may be kept for ever. */
export async function mountConsole(app: FastifyInstance, root: string | undefined): Promise<void> {
  app.addHook("onSend", async (_request, reply) => {
    // "unchanged" has no type to judge by, and browsers put its headers over those of the page that they kept
    if (reply.statusCode === 304) return;
    const isPage = String(reply.getHeader("content-type") ?? "").startsWith("text/html");
    protect(reply, isPage ? CONSOLE_POLICY : API_POLICY);
  });
  if (root === undefined) return;
  await app.register(fastifyStatic, {
    root,
    prefix: "/",
    index: ["index.html"],
    dotfiles: "deny",
    cacheControl: false,
    setHeaders(reply, path) {
      const isAsset = path.startsWith(join(root, "assets"));
      reply.header("cache-control", isAsset ? "public, max-age=31536000, immutable" : "no-cache");
    },
  });
}

/** Pages of the console are paths that no file has: the browser gets the one page, everybody else the truth. */
export function isPageRequest(request: FastifyRequest): boolean {
  if (request.method !== "GET" && request.method !== "HEAD") return false;
  const path = request.url.split("?")[0] ?? "";
  const isOurs = path.startsWith("/fleet/") || path.startsWith("/assets/") || path.startsWith("/api/");
  return !isOurs && !/\.[A-Za-z0-9]+$/.test(path) && (request.headers.accept ?? "").includes("text/html");
}

export function sendPage(reply: FastifyReply, root: string | undefined): FastifyReply {
  reply.header("cache-control", "no-cache").code(200);
  if (root !== undefined) return reply.sendFile("index.html", { cacheControl: false });
  return reply.type("text/html; charset=utf-8").send(NOT_BUILT);
}

function protect(reply: FastifyReply, policy: string): void {
  reply.header("content-security-policy", policy);
  reply.header("x-content-type-options", "nosniff");
  reply.header("referrer-policy", "no-referrer");
  reply.header("cross-origin-opener-policy", "same-origin");
  reply.header("cross-origin-resource-policy", "same-origin");
  if (reply.getHeader("cache-control") === undefined) reply.header("cache-control", "no-store");
}
