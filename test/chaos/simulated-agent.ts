import { appendFileSync } from "node:fs";
import { delay, HOST_METRICS, newMessageId, systemClock, toIso } from "@muster/core";
import {
  type CoreFrame,
  decodeCoreFrame,
  encodeNodeFrame,
  type NativeResult,
  type NativeWelcome,
  type NodeFrame,
} from "@muster/protocols/node";
import { WebSocket } from "ws";
import type { JournalState, RunJournal } from "./run-journal.ts";

export interface SimulatedAgentOptions {
  readonly id: string;
  readonly servers: readonly string[];
  readonly token: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Gets a line with the run's id whenever one starts. */
  readonly witness: string;
  readonly journal: RunJournal;
}

interface SimulatedRun {
  state: JournalState;
  /** How long it takes; not known any more after a crash. */
  workMs: number;
  /** Whether an earlier process left it: then it may start only when the server had the chance to cancel it. */
  restored: boolean;
  cancelled?: boolean;
  end?: NativeResult;
  sentAt?: number;
}

const RESEND_MS = 5000;
const LEAST_SILENCE_MS = 15_000;

/**
 * Speaks our native protocol and keeps its promises, but carries nothing out: a run is journaled with fsync before it
 * starts, starts at most once, leaves its id in the witness file and succeeds after a moment. Hundreds fit one process.
 */
export class SimulatedAgent {
  readonly #options: SimulatedAgentOptions;
  readonly #runs = new Map<string, SimulatedRun>();
  #socket: WebSocket | undefined;
  #ready = false;
  #beatMs = 10_000;
  #heardAt = 0;
  #beatAt = 0;
  #registerAt = Number.POSITIVE_INFINITY;
  #waitMs: number | undefined;

  constructor(options: SimulatedAgentOptions) {
    this.#options = options;
    for (const { agent, run, state } of options.journal.earlier)
      if (agent === options.id) this.#runs.set(run, { state, workMs: 0, restored: true });
    for (const run of this.#runs.values())
      if (run.state === "started") run.end = endOf("unknown", "the agent restarted while it ran");
      else if (run.state === "finished") run.end = endOf("succeeded");
    for (const run of this.#runs.values()) if (run.state === "started") run.state = "finished";
  }

  /** Connects, and connects again, to one server after the other. Never resolves. */
  async run(): Promise<never> {
    for (let attempt = Math.floor(Math.random() * 100); ; attempt++) {
      const server = this.#options.servers[attempt % this.#options.servers.length] ?? "";
      await this.#connect(server);
      await delay(systemClock, this.#waitMs ?? 200 + Math.random() * 1800);
    }
  }

  async #connect(server: string): Promise<void> {
    const query = new URLSearchParams({ node_id: this.#options.id });
    const socket = new WebSocket(`${server.replace("http", "ws")}/api/v1/ws?${query}`, {
      headers: { authorization: `Bearer ${this.#options.token}` },
      handshakeTimeout: 10_000,
      perMessageDeflate: false,
    });
    this.#socket = socket;
    this.#ready = false;
    this.#waitMs = undefined;
    const closed = new Promise<void>((resolve) => socket.on("close", () => resolve()));
    socket.on("error", () => {}); // its close follows
    socket.on("open", () => {
      this.#heardAt = systemClock.monotonic();
      this.#register();
    });
    socket.on("message", (bytes) => {
      this.#heardAt = systemClock.monotonic();
      const { frame } = decodeCoreFrame(String(bytes));
      if (frame) this.#receive(frame);
    });
    const stop = systemClock.every(250, () => this.#tick(socket));
    await closed;
    stop();
    this.#ready = false;
  }

  #tick(socket: WebSocket): void {
    if (socket.readyState !== WebSocket.OPEN) return;
    const now = systemClock.monotonic();
    if (now - this.#heardAt > Math.max(LEAST_SILENCE_MS, 3 * this.#beatMs + 1000)) socket.terminate();
    if (now >= this.#registerAt) this.#register();
    if (!this.#ready) return;
    if (now >= this.#beatAt) {
      this.#beatAt = now + this.#beatMs;
      const values = HOST_METRICS.map((_, position) => (position === 0 ? Math.random() : null));
      this.#send("heartbeat", { status: "online", muster: { at: systemClock.now(), values } });
    }
    for (const [id, run] of this.#runs)
      if (run.state === "finished" && now - (run.sentAt ?? 0) > RESEND_MS) this.#report(id, run);
  }

  #register(): void {
    this.#registerAt = systemClock.monotonic() + 15_000;
    const { id, labels } = this.#options;
    const runs = [...this.#runs]
      .filter(([, run]) => run.state !== "settled")
      .map(([run, { state }]) => ({ command_id: run, state: state as "accepted" | "started" | "finished", seq: -1 }));
    this.#send("node_register", {
      node_id: id,
      hostname: id,
      ip_address: "192.0.2.1",
      os_info: "Linux",
      muster: {
        protocol: 1,
        version: "0.1.0",
        capabilities: ["command", "journal", "cancel", "metrics", "drain"],
        name: id,
        labels,
        now: systemClock.now(),
        runs,
      },
    });
  }

  #receive(frame: CoreFrame): void {
    switch (frame.type) {
      case "register_response":
        if (frame.data.success && frame.data.muster) this.#welcome(frame.data.muster);
        return;
      case "error":
        // the database is away: it is asked again soon
        if (!this.#ready) this.#registerAt = systemClock.monotonic() + 1000;
        return;
      case "heartbeat_ack":
        this.#beatMs = frame.data.muster?.beat_ms ?? this.#beatMs;
        return;
      case "execute_command":
        void this.#accept(frame.data.command_id, /sleep/.test(frame.data.command_text) ? 300 : 5);
        return;
      case "cancel_command":
        this.#cancel(frame.data.command_id);
        return;
      case "command_received":
        if (frame.data.command_id !== undefined) this.#settle(frame.data.command_id);
        return;
      case "reconnect":
        this.#waitMs = frame.data.after_ms;
        this.#socket?.close();
        return;
      case "output_received":
      case "samples_stored":
      case "welcome":
      case "metrics_response":
        return;
    }
  }

  #welcome(welcome: NativeWelcome): void {
    this.#registerAt = Number.POSITIVE_INFINITY;
    this.#ready = true;
    this.#beatMs = welcome.beat_ms;
    this.#beatAt = 0;
    for (const id of welcome.cancel) this.#cancel(id);
    for (const id of welcome.forget) this.#settle(id);
    for (const [id, run] of this.#runs) {
      if (run.state === "finished") this.#report(id, run);
      else if (run.state === "accepted" && run.restored) {
        run.restored = false;
        void this.#start(id, run);
      }
    }
  }

  /** A repeat starts nothing; when its run is over, its end is told again. */
  async #accept(id: string, workMs: number): Promise<void> {
    const known = this.#runs.get(id);
    if (known?.state === "settled") {
      known.state = "finished";
      known.end = endOf("unknown", "it was carried out before, and its result was handed over");
    }
    if (known) return known.state === "finished" ? this.#report(id, known) : undefined;
    const run: SimulatedRun = { state: "accepted", workMs, restored: false };
    this.#runs.set(id, run);
    await this.#note(id, "accepted");
    await this.#start(id, run);
  }

  async #start(id: string, run: SimulatedRun): Promise<void> {
    if (run.cancelled) return this.#finish(id, run, endOf("cancelled", "before it started"));
    await this.#note(id, "started");
    if (run.cancelled) return this.#finish(id, run, endOf("cancelled", "before it started"));
    run.state = "started";
    appendFileSync(this.#options.witness, `${id}\n`);
    this.#send("command_started", { command_id: id, at: systemClock.now() });
    await delay(systemClock, run.workMs);
    await this.#finish(id, run, endOf(run.cancelled ? "cancelled" : "succeeded"));
  }

  async #finish(id: string, run: SimulatedRun, end: NativeResult): Promise<void> {
    await this.#note(id, "finished");
    run.state = "finished";
    run.end = end;
    this.#report(id, run);
  }

  #cancel(id: string): void {
    const run = this.#runs.get(id);
    if (!run || run.state === "finished" || run.state === "settled") return;
    run.cancelled = true;
    if (!run.restored) return; // whoever carries it out sees it
    run.restored = false;
    void this.#start(id, run);
  }

  #settle(id: string): void {
    const run = this.#runs.get(id);
    if (run?.state === "finished") {
      run.state = "settled";
      delete run.end;
      void this.#note(id, "settled");
    } else this.#cancel(id);
  }

  #report(id: string, run: SimulatedRun): void {
    if (!this.#ready || !run.end) return;
    run.sentAt = systemClock.monotonic();
    const isSuccess = run.end.state === "succeeded";
    const output = { exit_code: isSuccess ? 0 : null, stdout: isSuccess ? "out\n" : "", stderr: "" };
    this.#send("command_result", { command_id: id, ...output, execution_time_ms: run.workMs, muster: run.end });
  }

  #note(run: string, state: JournalState): Promise<void> {
    return this.#options.journal.append({ agent: this.#options.id, run, state });
  }

  #send<Type extends NodeFrame["type"]>(type: Type, content: Extract<NodeFrame, { type: Type }>["data"]): void {
    if (this.#socket?.readyState !== WebSocket.OPEN) return;
    const frame = { type, id: newMessageId(), timestamp: toIso(systemClock.now()), data: content };
    this.#socket.send(encodeNodeFrame(frame as NodeFrame));
  }
}

function endOf(state: NativeResult["state"], reason?: string): NativeResult {
  const finished_at = systemClock.now();
  const sizes = { stdout_bytes: state === "succeeded" ? 4 : 0, stderr_bytes: 0, cut_bytes: 0, last_seq: -1 };
  return { state, finished_at, ...sizes, ...(reason === undefined ? {} : { reason }) };
}
