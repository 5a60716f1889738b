import { defineRawRoute, type Route } from "./route.ts";

/** What of the document the page shows. */
interface Operation {
  readonly summary?: string;
  readonly description?: string;
  readonly parameters?: readonly { name: string; in: string; required?: boolean; schema?: object }[];
  readonly requestBody?: { content?: Record<string, { schema?: object }> };
  readonly responses?: Record<string, { content?: Record<string, { schema?: object }> }>;
}

interface Document {
  readonly paths?: Record<string, Record<string, Operation>>;
}

const CONTENT_TYPE = "text/html; charset=utf-8";

const STYLE = `body{font:14px/1.5 system-ui,sans-serif;max-width:960px;margin:32px auto;padding:0 16px;color:#1b1f27;background:#fff}
summary{cursor:pointer;padding:6px 0}code,pre{font:12px/1.5 ui-monospace,monospace}pre{background:#f3f4f7;padding:12px;overflow:auto}
b{display:inline-block;min-width:56px}h2{font-size:16px;margin:24px 0 4px}td{padding:2px 12px 2px 0;vertical-align:top}
@media(prefers-color-scheme:dark){body{background:#0f1115;color:#d6dae2}pre{background:#181b22}a{color:#8f9bff}}`;

/** The same document for people: plain HTML without a script, so that it needs nothing from elsewhere. */
export function openApiPageRoutes(document: () => unknown): Route[] {
  return [
    defineRawRoute({
      path: "/docs",
      action: "self.read",
      summary: "This API, as a page",
      contentType: CONTENT_TYPE,
      handler: async () => ({ contentType: CONTENT_TYPE, body: writePage(document() as Document) }),
    }),
  ];
}

function writePage(document: Document): string {
  const groups = new Map<string, string[]>();
  for (const [path, operations] of Object.entries(document.paths ?? {})) {
    const group = path.startsWith("/fleet/v1/") ? (path.split("/")[3] ?? "") : "server";
    const rows = Object.entries(operations).map(([method, operation]) => writeOperation(method, path, operation));
    groups.set(group, [...(groups.get(group) ?? []), ...rows]);
  }
  const parts = [...groups].map(([name, rows]) => `<h2>${escapeHtml(name)}</h2>${rows.join("")}`);
  return `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Muster API</title><style>${STYLE}</style><h1>Muster API</h1>
<p>The document itself: <a href="/fleet/v1/openapi.json">openapi.json</a></p>${parts.join("")}</html>`;
}

function writeOperation(method: string, path: string, operation: Operation): string {
  const parameters = (operation.parameters ?? []).map(
    (one) =>
      `<tr><td><code>${escapeHtml(one.name)}</code><td>${escapeHtml(one.in)}${one.required ? ", required" : ""}` +
      `<td><code>${escapeHtml(JSON.stringify(one.schema ?? {}))}</code>`,
  );
  const bodies = [
    ...schemasOf("request", operation.requestBody?.content),
    ...Object.entries(operation.responses ?? {})
      .filter(([status]) => status !== "default")
      .flatMap(([status, response]) => schemasOf(status, response.content)),
  ];
  return (
    `<details><summary><b>${escapeHtml(method.toUpperCase())}</b> <code>${escapeHtml(path)}</code> ${escapeHtml(operation.summary ?? "")}` +
    `</summary><p>${escapeHtml(operation.description ?? "")}</p><table>${parameters.join("")}</table>${bodies.join("")}</details>`
  );
}

function schemasOf(name: string, content: Record<string, { schema?: object }> | undefined): string[] {
  return Object.entries(content ?? {}).map(
    ([type, { schema }]) =>
      `<p>${escapeHtml(name)}, ${escapeHtml(type)}</p><pre>${escapeHtml(JSON.stringify(schema, null, 2) ?? "")}</pre>`,
  );
}

function escapeHtml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
}
