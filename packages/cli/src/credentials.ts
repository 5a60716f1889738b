import { chmod, mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { MusterError } from "@muster/core";

/** How the CLI proves itself to one server: an API token, or the cookie of a session for people who may not make tokens. */
export interface Credential {
  readonly username: string;
  readonly token?: string;
  /** Set when the login made the token, so that the logout can revoke it. */
  readonly tokenId?: string;
  readonly sessionCookie?: string;
}

interface Stored {
  /** The server that commands go to when none is named. */
  current: string | null;
  servers: Record<string, Credential>;
}

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * `$XDG_CONFIG_HOME/muster/credentials.json`, readable by its owner only. A credential belongs to one server's URL
 * and is never sent to another.
 */
export class CredentialFile {
  readonly path: string;

  constructor(environment: Environment) {
    const home = environment.XDG_CONFIG_HOME || join(environment.HOME || homedir(), ".config");
    this.path = join(home, "muster", "credentials.json");
  }

  async current(): Promise<string | null> {
    return (await this.#read()).current;
  }

  async find(server: string): Promise<Credential | undefined> {
    const { servers } = await this.#read();
    return Object.hasOwn(servers, server) ? servers[server] : undefined;
  }

  /** Remembers a credential and makes its server the current one. */
  async put(server: string, credential: Credential): Promise<void> {
    const stored = await this.#read();
    stored.servers[server] = credential;
    stored.current = server;
    await this.#write(stored);
  }

  async remove(server: string): Promise<void> {
    const stored = await this.#read();
    delete stored.servers[server];
    if (stored.current === server) stored.current = Object.keys(stored.servers)[0] ?? null;
    await this.#write(stored);
  }

  async #read(): Promise<Stored> {
    let text: string;
    try {
      text = await readFile(this.path, "utf8");
    } catch (error) {
      if (error instanceof Error && "code" in error && error.code === "ENOENT") return { current: null, servers: {} };
      throw new MusterError("failed_precondition", `${this.path} cannot be read`, {}, error);
    }
    try {
      const stored = JSON.parse(text) as Partial<Stored>;
      return { current: stored.current ?? null, servers: stored.servers ?? {} };
    } catch (error) {
      throw new MusterError("failed_precondition", `${this.path} is no JSON; remove it and log in again`, {}, error);
    }
  }

  /** Whole or not at all: written beside and renamed. */
  async #write(stored: Stored): Promise<void> {
    await mkdir(dirname(this.path), { recursive: true, mode: 0o700 });
    const draft = `${this.path}.${process.pid}`;
    try {
      await writeFile(draft, `${JSON.stringify(stored, null, 2)}\n`, { mode: 0o600 });
      await chmod(draft, 0o600);
      await rename(draft, this.path);
    } finally {
      await rm(draft, { force: true });
    }
  }
}
