import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { delay, systemClock } from "@muster/core";
import {
  findFreePort,
  type LaunchedProcess,
  launchProcess,
  MUSTER,
  makeTempDir,
  type Scope,
  TcpProxy,
} from "@muster/testing";

/** Known secrets; they count at the first start over an empty database. */
const PASSWORD = "correct horse battery staple";
export const API_TOKEN = `mst_${"ab".repeat(32)}`;
export const ENROLLMENT_TOKEN = `tkn_${"cd".repeat(16)}`;

const MOVED_CLOCK = new URL("./moved-clock.ts", import.meta.url).href;

export interface MemberOptions {
  readonly name: string;
  readonly postgresPort: number;
  readonly natsPort: number;
  readonly database: string;
  /** Told of a server that ended although nobody asked it to. */
  readonly onCrash: (text: string) => void;
  /** Told of every start and end. */
  readonly onEvent: (text: string) => void;
}

/** One of several servers, with wires of its own to each engine, a clock that can be moved, and a supervisor that starts it again. */
export class Member {
  readonly name: string;
  readonly port: number;
  readonly postgres: TcpProxy;
  readonly nats: TcpProxy;
  readonly #scope: Scope;
  readonly #options: MemberOptions;
  readonly #dataDir: string;
  #process: LaunchedProcess | undefined;
  #supervision: Promise<void> | undefined;
  #isWanted = false;
  #isAsked = false;
  #pauseMs = 0;

  private constructor(
    scope: Scope,
    options: MemberOptions,
    parts: { port: number; wires: TcpProxy[]; dataDir: string },
  ) {
    const [postgres, nats] = parts.wires;
    if (!postgres || !nats) throw new Error("a member has two wires");
    this.#scope = scope;
    this.#options = options;
    this.name = options.name;
    this.port = parts.port;
    this.postgres = postgres;
    this.nats = nats;
    this.#dataDir = parts.dataDir;
  }

  /** Starts a server and keeps it running; does not wait until it answers. */
  static async start(scope: Scope, options: MemberOptions): Promise<Member> {
    const wires = [await TcpProxy.start(scope, options.postgresPort), await TcpProxy.start(scope, options.natsPort)];
    const member = new Member(scope, options, { port: await findFreePort(), wires, dataDir: await makeTempDir(scope) });
    member.moveClock(0);
    member.#isWanted = true;
    member.#supervision = member.#supervise();
    return member;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Ends the process; its supervisor starts it again after `pauseMs`. */
  async kill(signal: "SIGKILL" | "SIGTERM", pauseMs: number): Promise<void> {
    this.#isAsked = true;
    this.#pauseMs = pauseMs;
    await this.#process?.stop(signal, 30_000);
  }

  /** How far its system's clock is off. Takes effect in a fraction of a second. */
  moveClock(offsetMs: number): void {
    writeFileSync(this.#clockFile, String(offsetMs));
  }

  async end(): Promise<void> {
    this.#isWanted = false;
    this.#isAsked = true;
    await this.#process?.stop("SIGKILL");
    await this.#supervision;
  }

  /** What it wrote lately. */
  describe(): string {
    return this.#process?.describe() ?? "never started";
  }

  async #supervise(): Promise<void> {
    while (this.#isWanted) {
      this.#isAsked = false;
      const launched = this.#launch();
      this.#options.onEvent(`${this.name} starts`);
      this.#process = launched;
      const { code, signal } = await launched.exited;
      // one that finds no database at its start ends with a word and is tried again, as every supervisor does
      this.#options.onEvent(`${this.name} ended: ${code ?? signal}${this.#isAsked ? "" : ", by itself"}`);
      const isEarly = !/https?:\/\/127/.test(launched.output) && code === 1;
      if (!this.#isAsked && !isEarly) {
        this.#options.onCrash(`${this.name} ended by itself: ${code ?? signal}\n${launched.stderr.slice(-3000)}`);
      }
      if (this.#isWanted) await delay(systemClock, this.#isAsked ? this.#pauseMs : 500);
    }
  }

  #launch(): LaunchedProcess {
    const { database } = this.#options;
    return launchProcess(this.#scope, {
      args: [
        ...[MUSTER, "server", "--port", String(this.port), "--data-dir", this.#dataDir, "--log-level", "warn"],
        ...["--admin-password", PASSWORD, "--api-token", API_TOKEN, "--enrollment-token", ENROLLMENT_TOKEN],
        ...["--database", `postgres://muster@127.0.0.1:${this.postgres.port}/${database}`],
        ...["--bus", `nats://127.0.0.1:${this.nats.port}`],
      ],
      cwd: this.#dataDir,
      env: { NODE_OPTIONS: `--import ${MOVED_CLOCK}`, CHAOS_CLOCK: this.#clockFile },
    });
  }

  get #clockFile(): string {
    return join(this.#dataDir, "clock");
  }
}
