import type { ApiContext } from "./context.ts";
import { type FileDownload, hostOfThisNode, type InstallFiles } from "./install-files.ts";
import { writeInstallScript } from "./install-script.ts";
import { defineRawRoute, type RawAnswer, type Route } from "./route.ts";
import { identityOf } from "./self.ts";

/** What a new host fetches, with its enrolment token. */
export function installRoutes({ own }: ApiContext, files: InstallFiles): Route[] {
  return [
    defineRawRoute({
      path: "/install.sh",
      action: "install.read",
      summary: "A shell script that installs and starts the agent",
      contentType: "text/x-shellscript; charset=utf-8",
      async handler(call) {
        const isAgent = identityOf(call).principal.kind === "enrollment";
        const token = isAgent ? call.bearer : undefined;
        const body = writeInstallScript({ serverUrl: own.baseUrl, token, nodeHost: hostOfThisNode() });
        return { contentType: "text/x-shellscript; charset=utf-8", body };
      },
    }),
    defineRawRoute({
      path: "/install/agent.mjs",
      action: "install.read",
      summary: "The agent as one file for Node",
      contentType: "text/javascript; charset=utf-8",
      handler: async () => toAnswer(await files.openAgent(), "text/javascript; charset=utf-8"),
    }),
    defineRawRoute({
      path: "/install/node",
      action: "install.read",
      summary: "The Node program that this server runs on",
      contentType: "application/octet-stream",
      handler: async () => toAnswer(await files.openNode(), "application/octet-stream"),
    }),
  ];
}

function toAnswer(download: FileDownload, contentType: string): RawAnswer {
  return { contentType, body: download.body, headers: { "content-length": String(download.bytes) } };
}
