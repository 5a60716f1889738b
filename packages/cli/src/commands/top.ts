import { hasCode, MusterError } from "@muster/core";
import type { Agent, LatestSample } from "@muster/core/resources";
import type { LiveState, MusterClient } from "@muster/sdk";
import type { Context } from "../context.ts";
import type { CommandFile } from "../program.ts";
import { resolveAgent } from "../resolve.ts";
import { Screen } from "../top/screen.ts";
import { drawTop, lineOfSample } from "../top/view.ts";
import { positiveCount } from "../values.ts";

interface TopFlags {
  readonly count?: number;
}

const REDRAW_MS = 1000;

export const addTop: CommandFile = (program, bind) => {
  program
    .command("top")
    .argument("<agent>", "id, name or hostname")
    .description("watch a host live: cpu, memory, disks, networks (q leaves)")
    .option("--count <n>", "leave after so many readings", positiveCount)
    .action(
      bind<TopFlags>(async (context, { args: [word = ""], flags }) => {
        const client = await context.client();
        const agent = await resolveAgent(client, word);
        const top = new Top(context, agent);
        await top.watch(client, flags.count ?? Number.POSITIVE_INFINITY);
      }),
    );
};

/** A picture on a terminal, a line per reading in a pipe, an object per reading with --json. */
class Top {
  readonly #context: Context;
  readonly #screen: Screen | null;
  #agent: Agent;
  #sample: LatestSample | null = null;
  #connection: string | null = null;

  constructor(context: Context, agent: Agent) {
    this.#context = context;
    this.#agent = agent;
    this.#screen = context.terminal.isInteractive && !context.json ? new Screen(context.host.stdout) : null;
  }

  async watch(client: MusterClient, count: number): Promise<void> {
    const left = Promise.withResolvers<void>();
    const stopKeys = this.#screen ? this.#leaveOnKey(left.resolve) : () => undefined;
    const stopInterrupts = this.#context.host.onInterrupt(() => left.resolve());
    const cancelRedraw = this.#context.clock.every(REDRAW_MS, () => this.#draw());
    const onState = (state: LiveState) => {
      this.#connection = state.phase === "waiting" ? `no connection: ${state.reason}` : null;
      if (state.phase === "signed_out") left.reject(new MusterError("unauthenticated", "the session has ended"));
    };
    const live = client.live({ clock: this.#context.clock, onState });
    let seen = 0;
    try {
      this.#sample = await findSample(client, this.#agent.id);
      this.#draw();
      live.subscribe({ op: "fleet", agentIds: [this.#agent.id] }, (event) => {
        if (event.event === "agent") this.#agent = event.agent;
        if (event.event === "agent_removed") left.reject(new MusterError("not_found", "the agent was removed"));
      });
      live.subscribe({ op: "agent", agentId: this.#agent.id }, (event) => {
        if (event.event === "error") left.reject(new MusterError("unavailable", event.message));
        if (event.event === "sample" && event.sample.at !== this.#sample?.at) {
          this.#show(event.sample);
          seen += 1;
          if (seen >= count) left.resolve();
        }
      });
      await left.promise;
    } finally {
      live.close();
      cancelRedraw();
      stopInterrupts();
      stopKeys();
      this.#screen?.leave();
    }
  }

  #show(sample: LatestSample): void {
    this.#sample = sample;
    if (this.#screen) this.#draw();
    else if (this.#context.json) this.#context.terminal.json(sample, 0);
    else this.#context.terminal.line(lineOfSample(sample));
  }

  #draw(): void {
    const { terminal, host, clock } = this.#context;
    this.#screen?.draw(
      drawTop({
        agent: this.#agent,
        sample: this.#sample,
        now: clock.now(),
        width: terminal.width ?? 80,
        height: host.stdout.rows ?? 24,
        connection: this.#connection,
        style: terminal.style,
      }),
    );
  }

  #leaveOnKey(leave: () => void): () => void {
    const { stdin } = this.#context.host;
    if (!stdin.isTTY) return () => undefined;
    const onKey = (key: Buffer) => {
      if (["q", "Q", "\u0003", "\u001b"].includes(key.toString())) leave();
    };
    stdin.setRawMode(true);
    stdin.on("data", onKey);
    stdin.resume();
    return () => {
      stdin.off("data", onKey);
      stdin.setRawMode(false);
      stdin.pause();
    };
  }
}

async function findSample(client: MusterClient, agentId: string): Promise<LatestSample | null> {
  try {
    return await client.agents.sample(agentId);
  } catch (error) {
    if (hasCode(error, "not_found")) return null;
    throw error;
  }
}
