import { readFile, stat } from "node:fs/promises";
import * as z from "zod/mini";
import { flag, integer, text } from "../shared/options.ts";
import { ServiceTrouble } from "./failure.ts";

/** Options that every kind has that speaks TLS; the names are DataKit's and Telegraf's. */
export const TLS_OPTIONS = {
  tls_ca: text(""),
  tls_cert: text(""),
  tls_key: text(""),
  tls_server_name: text(""),
  insecure_skip_verify: flag(false),
};

export interface TlsOptions {
  readonly tls_ca: string;
  readonly tls_cert: string;
  readonly tls_key: string;
  readonly tls_server_name: string;
  readonly insecure_skip_verify: boolean;
}

/** What `tls.connect` is given. */
export interface TlsMaterial {
  readonly ca?: Buffer;
  readonly cert?: Buffer;
  readonly key?: Buffer;
  readonly servername?: string;
  readonly rejectUnauthorized: boolean;
}

/** Reads the files that the options name; a file that cannot be read is named. */
export async function loadTls(options: TlsOptions): Promise<TlsMaterial> {
  const [ca, cert, key] = await Promise.all([
    readPem("tls_ca", options.tls_ca),
    readPem("tls_cert", options.tls_cert),
    readPem("tls_key", options.tls_key),
  ]);
  if ((cert === undefined) !== (key === undefined)) throw new ServiceTrouble('"tls_cert" and "tls_key" go together');
  return {
    ...(ca ? { ca } : {}),
    ...(cert && key ? { cert, key } : {}),
    ...(options.tls_server_name === "" ? {} : { servername: options.tls_server_name }),
    rejectUnauthorized: !options.insecure_skip_verify,
  };
}

async function readPem(option: string, path: string): Promise<Buffer | undefined> {
  if (path === "") return undefined;
  const bytes = await readSecretFile(option, path);
  if (!bytes.includes("-----BEGIN ")) throw new ServiceTrouble(`"${option}": ${path} holds no PEM`);
  return bytes;
}

const MAX_SECRET_FILE = 1024 * 1024;

/** A small file that an option names. Throws with the option's name and never with the content. */
export async function readSecretFile(option: string, path: string): Promise<Buffer> {
  try {
    // a device or a pipe may go on for ever
    const stats = await stat(path);
    if (!stats.isFile()) throw new ServiceTrouble(`"${option}": ${path} is no file`);
    if (stats.size > MAX_SECRET_FILE) throw new ServiceTrouble(`"${option}": ${path} is larger than 1 MiB`);
    const bytes = await readFile(path);
    if (bytes.length > MAX_SECRET_FILE) throw new ServiceTrouble(`"${option}": ${path} is larger than 1 MiB`);
    return bytes;
  } catch (error) {
    if (error instanceof ServiceTrouble) throw error;
    const code = (error as NodeJS.ErrnoException).code ?? "error";
    const reason = code === "ENOENT" ? "is not there" : `cannot be read (${code})`;
    throw new ServiceTrouble(`"${option}": ${path} ${reason}`);
  }
}

/** Options of kinds that send requests. */
export const HTTP_OPTIONS = {
  ...TLS_OPTIONS,
  username: text(""),
  password: text(""),
  bearer_token: text(""),
  bearer_token_file: text(""),
  http_headers: z._default(z.record(z.string(), z.string()), {}),
  max_body_size: integer(32 * 1024 * 1024, { min: 1024, max: 256 * 1024 * 1024 }),
};

export interface HttpOptions extends TlsOptions {
  readonly username: string;
  readonly password: string;
  readonly bearer_token: string;
  readonly bearer_token_file: string;
  readonly http_headers: Readonly<Record<string, string>>;
  readonly max_body_size: number;
}

/** Headers of the options and of user and password in the address. A token's file is read each time: they rotate. */
export async function authHeaders(options: HttpOptions, url: URL): Promise<Record<string, string>> {
  const headers: Record<string, string> = { ...options.http_headers };
  const token =
    options.bearer_token_file === ""
      ? options.bearer_token
      : (await readSecretFile("bearer_token_file", options.bearer_token_file)).toString("utf8").trim();
  const username = options.username || decodeURIComponent(url.username);
  const password = options.password || decodeURIComponent(url.password);
  if (token !== "") headers.authorization = `Bearer ${token}`;
  else if (username !== "" || password !== "")
    headers.authorization = `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
  return headers;
}

/** Everything in the options that must not be shown. */
export function secretsOf(options: HttpOptions, urls: readonly URL[]): string[] {
  const values = [options.password, options.bearer_token, ...urls.map((url) => decodeURIComponent(url.password))];
  return [...values, ...Object.values(options.http_headers)].filter((secret) => secret !== "");
}

/** The options above in a sample, commented out. */
export const HTTP_SAMPLE = `
  # Who we are, if the server asks. A token wins over a user.
  # username = "user"
  # password = ""
  # bearer_token = ""
  # bearer_token_file = "/var/run/secrets/token"
  # TLS: an authority of your own, a certificate of ours, the name to expect.
  # tls_ca = "/etc/ssl/own-ca.pem"
  # tls_cert = "/etc/ssl/client.pem"
  # tls_key = "/etc/ssl/client.key"
  # tls_server_name = ""
  # insecure_skip_verify = false
  # More headers.
  # http_headers = { "X-Scope" = "one" }`;
