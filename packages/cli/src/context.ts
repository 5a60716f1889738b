import { type Clock, MusterError } from "@muster/core";
import { MusterClient } from "@muster/sdk";
import { CredentialFile } from "./credentials.ts";
import { Terminal, type TextSink } from "./terminal/terminal.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

/** What the process lends to the CLI; tests lend something else. */
export interface CliHost {
  readonly environment: Environment;
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: TextSink;
  readonly stderr: TextSink;
  readonly clock: Clock;
  readonly version: string;
  /** Calls `listener` for every Ctrl-C (and every SIGTERM) until the returned function is called. */
  onInterrupt(listener: () => void): () => void;
}

/** Flags that every command has. */
export interface GlobalFlags {
  readonly server?: string;
  readonly apiToken?: string;
  readonly json?: boolean;
}

const DEFAULT_SERVER = "http://127.0.0.1:9999";

/** What a command works with: where to write, whom to ask, how to be interrupted. */
export class Context {
  readonly host: CliHost;
  readonly terminal: Terminal;
  readonly credentials: CredentialFile;
  readonly json: boolean;
  readonly #flags: GlobalFlags;

  constructor(host: CliHost, flags: GlobalFlags) {
    this.host = host;
    this.#flags = flags;
    this.json = flags.json ?? false;
    this.terminal = new Terminal(host);
    this.credentials = new CredentialFile(host.environment);
  }

  get clock(): Clock {
    return this.host.clock;
  }

  /** `--server`, else MUSTER_SERVER, else the one logged in to last, else this machine. */
  async serverUrl(): Promise<string> {
    const named = this.#flags.server ?? (this.host.environment.MUSTER_SERVER || undefined);
    return normalizeServer(named ?? (await this.credentials.current()) ?? DEFAULT_SERVER);
  }

  /** `--api-token`, else MUSTER_API_TOKEN. */
  get givenToken(): string | undefined {
    return this.#flags.apiToken ?? (this.host.environment.MUSTER_API_TOKEN || undefined);
  }

  /** A client with the credential that fits the server: the one given, else the one stored for exactly this server. */
  async client(): Promise<MusterClient> {
    const baseUrl = await this.serverUrl();
    if (this.givenToken !== undefined) return new MusterClient({ baseUrl, token: this.givenToken });
    const stored = await this.credentials.find(baseUrl);
    if (!stored) throw new MusterError("unauthenticated", `not logged in to ${baseUrl}`, { server: baseUrl });
    return new MusterClient({
      baseUrl,
      ...(stored.token !== undefined && { token: stored.token }),
      ...(stored.sessionCookie !== undefined && { sessionCookie: stored.sessionCookie }),
    });
  }

  /** Shows a value as JSON when that was asked for, else as `show` does. */
  present(value: unknown, show: () => void): void {
    if (this.json) this.terminal.json(value);
    else show();
  }
}

/** `host`, `host:port` and agents' `ws://` forms are taken as well; the result has no slash at its end. */
export function normalizeServer(text: string): string {
  const full = /^[a-z]+:\/\//i.test(text) ? text.replace(/^ws/i, "http") : `http://${text}`;
  const url = URL.canParse(full) ? new URL(full) : undefined;
  if (!url || (url.protocol !== "http:" && url.protocol !== "https:") || url.username !== "" || url.search !== "") {
    throw new MusterError("invalid_argument", `"${text}" is no address of a server, such as http://127.0.0.1:9999`);
  }
  return `${url.origin}${url.pathname.replace(/\/+$/, "")}`;
}
