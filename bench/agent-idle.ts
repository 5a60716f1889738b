import { createHostSampler } from "@muster/agent";
import { delay, HOST_METRICS, systemClock } from "@muster/core";
import { launchProcess, makeTempDir, waitUntil } from "@muster/testing";
import { WebSocketServer } from "ws";
import { buildAgent } from "./support/agent-bundle.ts";
import { formatMib, formatMs, formatRatio } from "./support/numbers.ts";
import { readCpuSeconds, readMemory } from "./support/proc.ts";
import type { BenchContext, Suite } from "./support/suite.ts";

const BEAT_MS = 3000;

/** What an idle agent costs its host, next to a Node process that does nothing. */
export const agentIdle: Suite = {
  title: "The idle agent, next to an idle node",
  async run(context) {
    const seconds = context.quick ? 30 : 60;
    const bundle = buildAgent();
    const server = await startServer(context);
    const node = await measure(context, { seconds, args: ["-e", "setInterval(() => {}, 1e6)"] });
    const flags = ["--server", server.url, "--data-dir", await makeTempDir(context.scope), "--id", "bench"];
    const agent = await measure(context, { seconds, args: [bundle, ...flags], ready: () => server.beats() > 0 });
    const sample = await measureSample(context.quick ? 200 : 2000);
    return {
      tables: [
        {
          title: `After ${seconds} s`,
          columns: ["process", "RSS", "ratio", "anonymous", "CPU"],
          rows: [
            ["idle node", formatMib(node.rss), "1.00", formatMib(node.anonymous), formatShare(node.cpu)],
            [
              "agent (bundle), a beat in 3 s",
              formatMib(agent.rss),
              formatRatio(agent.rss / node.rss),
              formatMib(agent.anonymous),
              formatShare(agent.cpu),
            ],
          ],
        },
        {
          title: "CPU of one sample of cpu, memory, disk I/O, network, load and uptime",
          columns: ["pace", "CPU per sample"],
          rows: [
            ["one after another", formatMs(sample.busyMs)],
            ["one in 20 ms", formatMs(sample.pacedMs)],
          ],
        },
      ],
      notes: [
        `Goals: RSS at most 1.5 times an idle node, at most 25 MB anonymous, at most 0.2 ms of CPU per sample. ${server.beats()} beats were acknowledged.`,
        `User and system time of the sampling thread; ${HOST_METRICS.length} values and the detail of ${sample.cores} cores. Filesystems and the process count are read in their own pace of 30 s and not included.`,
      ],
    };
  },
};

interface Cost {
  readonly rss: number;
  readonly anonymous: number;
  /** Share of one core. */
  readonly cpu: number;
}

async function measure(
  context: BenchContext,
  program: { seconds: number; args: readonly string[]; ready?: () => boolean },
): Promise<Cost> {
  const launched = launchProcess(context.scope, { args: program.args, env: { MUSTER_TOKEN: "tkn_bench" } });
  const { ready } = program;
  if (ready) await waitUntil("the first beat", ready, { timeoutMs: 15_000, explain: () => launched.describe() });
  await delay(systemClock, 2000);
  const before = readCpuSeconds(launched.pid);
  await rest(program.seconds * 1000);
  const cpu = (readCpuSeconds(launched.pid) - before) / program.seconds;
  const memory = readMemory(launched.pid);
  await launched.stop("SIGTERM");
  return { rss: memory.total, anonymous: memory.anonymous, cpu };
}

/** A server that answers and does nothing else. */
async function startServer(context: BenchContext) {
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0 });
  context.scope.after(() => {
    for (const client of server.clients) client.terminate();
    server.close();
  });
  let beats = 0;
  server.on("connection", (socket) => {
    socket.on("message", (content) => {
      const { type, id } = JSON.parse(String(content)) as { type: string; id: string };
      const reply = (answer: string, data: object) =>
        socket.send(
          JSON.stringify({ type: answer, id, timestamp: "2026-01-01T00:00:00Z", data: { node_id: "bench", ...data } }),
        );
      if (type === "heartbeat") {
        beats += 1;
        reply("heartbeat_ack", { received: true, metrics_saved: true });
      }
      if (type === "node_register") reply("register_response", { success: true, message: "", muster: WELCOME });
    });
  });
  await new Promise<void>((resolve) => server.once("listening", resolve));
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("the server has no port");
  return { url: `http://127.0.0.1:${address.port}`, beats: () => beats };
}

const WELCOME = {
  protocol: 1,
  capabilities: ["command", "journal", "output", "cancel", "metrics", "backfill", "drain"],
  beat_ms: BEAT_MS,
  stored_through: null,
  cancel: [],
  forget: [],
  output_through: {},
};

async function measureSample(count: number) {
  const sampler = await createHostSampler(systemClock);
  await sampler.start();
  for (let index = 0; index < 200; index++) sampler.sample();
  const busy = process.threadCpuUsage();
  for (let index = 0; index < count; index++) sampler.sample();
  const busyMs = toMs(process.threadCpuUsage(busy)) / count;
  // the system counts a thread's time by ticks here and there: only the sum over many is right
  let pacedMs = 0;
  const pacedCount = Math.min(count, 300);
  for (let index = 0; index < pacedCount; index++) {
    await rest(20);
    const before = process.threadCpuUsage();
    sampler.sample();
    pacedMs += toMs(process.threadCpuUsage(before)) / pacedCount;
  }
  const cores = sampler.sample().detail?.cores.length ?? 0;
  sampler.stop();
  return { busyMs, pacedMs, cores };
}

const toMs = (usage: { user: number; system: number }) => (usage.user + usage.system) / 1000;
const formatShare = (share: number) => `${(share * 100).toFixed(2)} %`;
const rest = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
