import type { Agent, Command, LatestSample, OutputChunk, Run, RunCounts, RunStatus } from "@muster/core/resources";

/** A made-up fleet of any size, the same for the same size: pretty, dull and ugly hosts in realistic shares. */

let seed = 42;
/** 0..1, repeatable. */
export function random(): number {
  seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) | 0;
  return (seed >>> 0) / 2 ** 32;
}

const pick = <Item>(items: readonly Item[]): Item => items[Math.floor(random() * items.length)] as Item;
export const iso = (at: number) => new Date(at).toISOString();
const id = (prefix: string, number: number) => `0199${prefix}00-0000-7000-8000-${String(number).padStart(12, "0")}`;

const ROLES = ["web", "db", "cache", "queue", "build", "edge"] as const;
const ZONES = ["eu-central-1a", "eu-central-1b", "us-east-2c", "ap-south-1a"] as const;
const SYSTEMS = ["Debian 13", "Ubuntu 24.04", "Rocky Linux 9.4", "Alpine 3.22", "macOS 15.6"] as const;
const ALL = [
  ...(["command", "journal", "output", "cancel", "metrics", "backfill", "drain", "inputs"] as const),
  ...(["configs", "verdict"] as const),
];
const POLLING = ["pipelines", "settings"] as const;

const UGLY_NAMES = [
  `${"a-very-long-hostname-that-somebody-generated-".repeat(4)}end.example.internal`.slice(0, 200),
  "خادم-قاعدة-البيانات-٠١",
  "<img src=x onerror=alert(1)>",
  "数据库主库-上海-01",
  "\u202egnp.exe 🚀 ok",
];

export function makeAgent(number: number, ugly: boolean, now: number): Agent {
  const role = pick(ROLES);
  const uglyName = ugly ? UGLY_NAMES[number] : undefined;
  const name = uglyName ?? `${role}-${String(number + 1).padStart(3, "0")}`;
  const fate = random();
  const status = number < 2 || fate < 0.94 ? "online" : fate < 0.96 ? "stale" : "offline";
  const seen = status === "online" ? now - 2000 : now - 60_000 * (1 + random() * 4000);
  const busy = random() ** 3;
  return {
    id: id("aaaa", number),
    protocol: number % 9 === 4 ? "dataway" : number % 9 === 7 ? "configserver" : "node",
    externalId: `machine-${number.toString(16).padStart(8, "0")}`,
    name,
    hostname: uglyName ?? `${name}.example.internal`,
    addresses: [`10.${number >> 16}.${(number >> 8) & 255}.${number & 255}`, `fd00::${number.toString(16)}`],
    os: pick(SYSTEMS),
    arch: pick(["x64", "arm64"]),
    version: "0.1.0",
    labels: {
      role,
      zone: pick(ZONES),
      env: random() < 0.7 ? "prod" : "dev",
      ...(uglyName && {
        note: `${"long value ".repeat(20)}`,
        ...Object.fromEntries([..."abcdefgh"].map((k) => [k, k])),
      }),
    },
    details: number % 9 === 7 ? { generation: number % 2 ? "g1" : "g2" } : {},
    capabilities: number % 9 === 4 ? ["metrics"] : number % 9 === 7 ? [...POLLING] : [...ALL],
    status,
    statusReason:
      status === "online" ? "heartbeats arrive" : status === "stale" ? "silent for 40 s" : "connection closed",
    statusSince: iso(now - 3_600_000 * (1 + random() * 90)),
    firstSeenAt: iso(now - 86_400_000 * (1 + random() * 200)),
    lastSeenAt: iso(seen),
    connections: number === 1 && ugly ? 2 : status === "offline" ? 0 : 1,
    clockSkewMs: number === 0 && ugly ? -437_000 : Math.round(random() * 400 - 200),
    gauges:
      ugly && number === 3
        ? null
        : {
            at: iso(seen),
            cpu: busy,
            memory: 0.2 + random() * 0.75,
            filesystem: 0.1 + random() * 0.88,
            load1: busy * 8,
            receive: random() * 4e6,
            transmit: random() * 2e6,
          },
  };
}

export function makeSample(agent: Agent, number: number, now: number): LatestSample {
  const cores = number === 0 ? 128 : [2, 4, 8, 16, 64][number % 5] || 8;
  const cpu = agent.gauges?.cpu ?? 0.2;
  const near = (base: number, spread: number) => Math.min(1, Math.max(0, base + (Math.random() - 0.5) * spread));
  const total = 1024 ** 3 * cores * 2;
  const used = total * (agent.gauges?.memory ?? 0.5);
  const filesystem = 1024 ** 4;
  const noSwap = number % 3 === 0;
  const utilization = near(cpu, 0.15);
  return {
    agentId: agent.id,
    at: iso(now),
    values: {
      "system.cpu.utilization": utilization,
      "system.cpu.iowait": utilization * 0.08,
      "system.memory.limit": total,
      "system.memory.usage": used,
      "system.memory.utilization": used / total,
      "system.filesystem.limit": filesystem,
      "system.filesystem.usage": filesystem * (agent.gauges?.filesystem ?? 0.4),
      "system.filesystem.utilization": agent.gauges?.filesystem ?? 0.4,
      "system.load.1m": cpu * cores,
      "system.network.receive": 2.4e6 * near(0.9, 0.2),
      "system.network.transmit": 9e5 * near(0.9, 0.2),
      "system.disk.read": 4e6 * near(0.8, 0.3),
      "system.disk.write": 2e6 * near(0.8, 0.3),
    },
    detail: {
      cores: Array.from({ length: cores }, () => ({
        user: near(cpu * 0.7, 0.4) * 0.8,
        system: near(cpu * 0.2, 0.1) * 0.6,
        iowait: near(0.02, 0.05),
      })),
      memory: { total, used: used * 0.7, buffers: total * 0.03, cached: total * 0.2 },
      swap: noSwap ? { total: 0, used: 0 } : { total: 8 * 1024 ** 3, used: 1.3 * 1024 ** 3 },
      load: [cpu * cores, cpu * cores * 0.9, cpu * cores * 0.7],
      filesystems: [
        { mount: "/", device: "/dev/nvme0n1p2", type: "ext4", total: 4e11, used: 4e11 * 0.62 },
        {
          mount: "/var/lib/postgresql",
          device: "/dev/nvme1n1",
          type: "xfs",
          total: filesystem,
          used: filesystem * 0.91,
        },
        {
          mount: `/mnt/${"deep/".repeat(number === 0 ? 30 : 1)}share`,
          device: "nas:/x",
          type: "nfs4",
          total: 8e12,
          used: 1e12,
        },
      ],
      disks: ["nvme0n1", "nvme1n1"].map((device) => ({
        device,
        readBytes: Math.random() * 8e6,
        writeBytes: Math.random() * 3e6,
        reads: 40,
        writes: 12,
        busy: Math.random() * 0.4,
      })),
      networks: ["eth0", "docker0", "wg0"].map((name) => ({
        name,
        receiveBytes: Math.random() * 4e6,
        transmitBytes: Math.random() * 2e6,
      })),
      uptimeS: 3_456_789,
      processes: { total: 412, running: 3 },
      cpuModel: "AMD EPYC 9754 128-Core Processor",
    },
  };
}

const TEXTS = [
  "uptime",
  "apt-get update && apt-get -y upgrade nginx",
  "df -h /",
  "systemctl restart nginx",
  "journalctl -u ssh --since today | tail -5",
  "set -e\ncd /srv/app\ngit pull --ff-only\nnpm ci\nsystemctl restart app",
];

const ZERO: RunCounts = {
  queued: 0,
  delivered: 0,
  started: 0,
  succeeded: 0,
  failed: 0,
  timed_out: 0,
  cancelled: 0,
  expired: 0,
  rejected: 0,
  unknown: 0,
};

export function countRuns(runs: readonly Run[]): RunCounts {
  const counts = { ...ZERO };
  for (const run of runs) counts[run.status] += 1;
  return counts;
}

/** One command of the past, or the one that is running, with its runs. */
export function makeCommand(number: number, agents: readonly Agent[], now: number): { command: Command; runs: Run[] } {
  const running = number === 39;
  const createdAt = running ? now - 20_000 : now - (40 - number) * 2_700_000;
  const size = running ? Math.min(40, agents.length) : Math.min(agents.length, [1, 7, 37, 120][number % 4] ?? 1);
  const ends: readonly RunStatus[] = [
    "succeeded",
    "succeeded",
    "succeeded",
    "succeeded",
    "failed",
    "timed_out",
    "expired",
    "rejected",
    "unknown",
  ];
  const runs = agents.slice(0, size).map((agent, index): Run => {
    const status = running
      ? (["started", "started", "succeeded", "queued"] as const)[index % 4]
      : random() < 0.8
        ? "succeeded"
        : pick(ends);
    const ended = !running || status === "succeeded";
    return {
      id: id("bbbb", number * 1000 + index),
      commandId: id("cccc", number),
      agentId: agent.id,
      agentName: agent.name,
      status: status ?? "queued",
      reason:
        status === "rejected"
          ? "the policy of this host does not allow exec"
          : status === "unknown"
            ? "the agent was lost while it ran"
            : null,
      exitCode:
        status === "succeeded" ? 0 : status === "failed" ? 1 + (index % 2) : status === "timed_out" ? 124 : null,
      queuedAt: iso(createdAt),
      deliveredAt: iso(createdAt + 20),
      startedAt: iso(createdAt + 40),
      finishedAt: ended ? iso(createdAt + 3000 + index * 90) : null,
      executionMs: ended ? 2960 + index * 90 : null,
      late: false,
      cancelRequested: false,
      stdoutBytes: status === "queued" || status === "rejected" ? 0 : 420,
      stderrBytes: status === "failed" ? 60 : 0,
      cutBytes: 0,
      outputDigest: ended && status !== "rejected" ? `${status}-${index % 11 === 3 ? "odd" : "same"}` : null,
    };
  });
  const command: Command = {
    id: id("cccc", number),
    status: running ? "running" : number % 13 === 5 ? "cancelled" : "completed",
    statusReason: null,
    text: running ? "for i in $(seq 60); do echo step $i; sleep 1; done" : (TEXTS[number % TEXTS.length] ?? "uptime"),
    argv: null,
    targets:
      number % 4 === 3
        ? { ids: [], selector: null, groups: [], all: true }
        : number % 4 === 2
          ? { ids: [], selector: "role=web,env!=dev", groups: [], all: false }
          : { ids: runs.map((run) => run.agentId), selector: null, groups: [], all: false },
    timeoutMs: 30_000,
    expiresAt: iso(createdAt + 3_600_000),
    concurrency: number % 3 === 0 ? "10%" : null,
    failureBudget: null,
    envNames: [],
    cwd: null,
    user: null,
    createdAt: iso(createdAt),
    createdBy: pick(["admin", "ada", "token:ci"]),
    finishedAt: running ? null : iso(createdAt + 9000),
    total: runs.length,
    counts: countRuns(runs),
  };
  return { command, runs };
}

/** What a run wrote: colours, stderr, and on the first run of some commands five thousand lines of error. */
export function makeOutput(run: Run): OutputChunk[] {
  const at = run.startedAt ?? run.queuedAt;
  if (run.stdoutBytes === 0) return [];
  const long =
    run.status === "failed"
      ? `${"\u001b[31mE: could not get lock /var/lib/dpkg/lock-frontend\u001b[0m\n".repeat(5000)}`
      : "";
  const lines = [
    {
      stream: "stdout",
      text: `Reading package lists... \u001b[32mDone\u001b[0m\nBuilding dependency tree... \u001b[1mDone\u001b[0m\n`,
    },
    { stream: "stdout", text: `مرحبا بالعالم <b>not bold</b> ${"wide ".repeat(60)}\n` },
    { stream: "stderr", text: `${long || "\u001b[33mwarning:\u001b[0m config file is older than its template\n"}` },
    {
      stream: "stdout",
      text: ` 23:11:0${run.status.length % 10} up 40 days,  2:11,  0 users,  load average: 0.08, 0.03, 0.01\n`,
    },
  ] as const;
  return lines.map(({ stream, text }, seq) => ({ seq, stream, at, text }));
}
