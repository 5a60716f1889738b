import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import type { IncomingHttpHeaders } from "node:http";
import { request } from "node:https";
import { connect } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { findProgram, launchProcess, makeTempDir, type Scope, tiedToParent, waitUntil } from "@muster/testing";

const OPERATIONS = fileURLToPath(new URL("../../docs/operations.md", import.meta.url));

/** A proxy of docs/operations.md that runs, with TLS towards callers. */
export interface RunningProxy {
  readonly url: string;
  readonly port: number;
  /** The file with its certificate, which callers must be told to trust. */
  readonly certificate: string;
}

export type ProxyName = "nginx" | "haproxy";

/** Why its tests cannot run here, for `unlessMissing`. */
export function missingProxy(name: ProxyName): string | undefined {
  return findProgram(name) === undefined ? `${name} is not installed: apt-get install ${name}` : undefined;
}

/** The one block of the documentation in that language. */
export function readExample(name: ProxyName): string {
  const blocks = [...readFileSync(OPERATIONS, "utf8").matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)];
  const found = blocks.filter(([, language]) => language === name);
  if (found.length !== 1) throw new Error(`docs/operations.md has ${found.length} examples for ${name}`);
  return found[0]?.[2] ?? "";
}

/** Replaces what must be there exactly as often as said: a test that silently tests another text is worth nothing. */
function replaceAll(text: string, replacements: readonly (readonly [from: string, to: string])[]): string {
  let result = text;
  for (const [from, to] of replacements) {
    if (result.split(from).length !== 2) throw new Error(`"${from}" is not once in the example`);
    result = result.replace(from, () => to);
  }
  return result;
}

export interface ProxyOptions {
  readonly name: ProxyName;
  /** Where it listens. */
  readonly port: number;
  /** Ports of Muster on 127.0.0.1. The nginx example has one server, the haproxy example two. */
  readonly servers: readonly [number] | readonly [number, number];
}

/** Starts the documented proxy in front of the servers. */
export async function startProxy(scope: Scope, { name, port, servers }: ProxyOptions): Promise<RunningProxy> {
  const program = findProgram(name);
  if (program === undefined) throw new Error(missingProxy(name));
  const folder = await makeTempDir(scope);
  const certificate = join(folder, "muster.pem");
  const key = join(folder, "muster.key");
  makeCertificate(certificate, key);
  const config = join(folder, `${name}.conf`);
  const both = join(folder, "muster-with-key.pem");
  await writeFile(both, readFileSync(certificate, "utf8") + readFileSync(key, "utf8"));
  const files = { folder, certificate, key, both };
  await writeFile(
    config,
    name === "nginx" ? nginxConfig(files, port, servers[0]) : haproxyConfig(files, port, servers),
  );
  const args = name === "nginx" ? ["-c", config, "-p", folder, "-e", "stderr"] : ["-db", "-f", config];
  const [command = "", ...words] = [...tiedToParent("KILL"), program, ...args];
  const proxy = launchProcess(scope, { command, args: words, cwd: folder });
  await waitUntil(`${name} to listen`, () => canConnect(port), { explain: () => proxy.describe() });
  return { url: `https://127.0.0.1:${port}`, port, certificate };
}

interface ProxyFiles {
  readonly folder: string;
  readonly certificate: string;
  readonly key: string;
  readonly both: string;
}

/** The example is a file of conf.d; this is the rest of a configuration around it, in the foreground. */
function nginxConfig({ folder, certificate, key }: ProxyFiles, port: number, server: number): string {
  const example = replaceAll(readExample("nginx"), [
    ["server 127.0.0.1:9999;", `server 127.0.0.1:${server};`],
    ["listen 443 ssl;", `listen 127.0.0.1:${port} ssl;`],
    ["/etc/ssl/muster.pem", certificate],
    ["/etc/ssl/muster.key", key],
  ]);
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
    (what) => `${what}_temp_path ${folder}/${what};`,
  );
  // the user of the folder: as root its workers would be somebody else who may not read it
  const user = process.getuid?.() === 0 ? "user root;" : "";
  return [
    `${user} daemon off; master_process off; pid ${folder}/nginx.pid; error_log stderr;`,
    "events { worker_connections 256; }",
    `http { access_log off; ${temporary.join(" ")}`,
    example,
    "}",
  ].join("\n");
}

function haproxyConfig({ both }: ProxyFiles, port: number, [first, second = first]: ProxyOptions["servers"]): string {
  return replaceAll(readExample("haproxy"), [
    ["bind :443 ssl crt /etc/ssl/muster-with-key.pem", `bind 127.0.0.1:${port} ssl crt ${both}`],
    ["10.0.0.11:9999", `127.0.0.1:${first}`],
    ["10.0.0.12:9999", `127.0.0.1:${second}`],
    ["maxconn 25000", "maxconn 200"],
  ]);
}

function makeCertificate(certificate: string, key: string): void {
  const subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "1", "-nodes"];
  const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"];
  execFileSync("openssl", ["req", "-x509", ...curve, ...subject, "-keyout", key, "-out", certificate], {
    stdio: "ignore",
  });
}

function canConnect(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
    socket.once("connect", () => socket.destroy());
  });
}

export interface ProxyCall {
  readonly method?: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  /** The caller's own address: any of 127.0.0.0/8. */
  readonly from?: string;
}

export interface ProxyAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

/** One request to the proxy. */
export function callProxy(proxy: RunningProxy, call: ProxyCall): Promise<ProxyAnswer> {
  const { method = "GET", path, headers = {}, body, from } = call;
  return new Promise((resolve, reject) => {
    const sent = request(`${proxy.url}${path}`, {
      method,
      ca: readFileSync(proxy.certificate),
      headers: { ...(body === undefined ? {} : { "content-type": "application/json" }), ...headers },
      agent: false,
      ...(from === undefined ? {} : { localAddress: from }),
    });
    sent.once("error", reject);
    // an upgrade that is refused is an answer like any other
    sent.once("response", async (response) => {
      let text = "";
      for await (const part of response) text += String(part);
      resolve({ status: response.statusCode ?? 0, headers: response.headers, text });
    });
    sent.once("upgrade", (response, socket) => {
      socket.destroy();
      resolve({ status: response.statusCode ?? 0, headers: response.headers, text: "" });
    });
    sent.end(body === undefined ? undefined : JSON.stringify(body));
  });
}
