import assert from "node:assert/strict";
import { mkdir, mkdtemp, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import type { HostValues } from "@muster/core";
import { ManualClock, makeTempDir, settle } from "@muster/testing";
import { CpuCollector } from "./cpu.ts";
import { DiskIoCollector } from "./disk-io.ts";
import { parseMounts } from "./filesystems.ts";
import { LinuxSampler } from "./linux-sampler.ts";
import { LoadCollector, readUptime } from "./load.ts";
import { MemoryCollector } from "./memory.ts";
import { NetworkCollector } from "./network.ts";

const bytes = (text: string) => Buffer.from(text, "latin1");
const near = (actual: number | undefined, expected: number) =>
  assert.ok(actual !== undefined && Math.abs(actual - expected) < 1e-9, `${actual} is not ${expected}`);

function collectTwice<Answer>(
  collect: (content: Buffer, values: HostValues, atMs: number) => Answer,
  texts: [string, string],
) {
  collect(bytes(texts[0]), {}, 0);
  const values: HostValues = {};
  return { answer: collect(bytes(texts[1]), values, 2000), values };
}

test("cpu: shares are of the ticks since the reading before; nice is user, irq is system, guest is not counted twice", () => {
  const collector = new CpuCollector();
  const { answer, values } = collectTwice(
    (content, into) => collector.collect(content, into),
    [
      "cpu  100 0 100 800 0 0 0 0 50 0\ncpu0 100 0 100 800 0 0 0 0 50 0\nintr 1 2 3\n",
      "cpu  120 10 110 840 10 4 1 5 60 0\ncpu0 120 10 110 840 10 4 1 5 60 0\nintr 1 2 3\n",
    ],
  );
  near(values["system.cpu.utilization"], 0.5);
  near(values["system.cpu.user"], 0.3);
  near(values["system.cpu.system"], 0.15);
  near(values["system.cpu.iowait"], 0.1);
  near(values["system.cpu.steal"], 0.05);
  assert.equal(answer.length, 1);
  near(answer[0]?.user, 0.3);
});

test("cpu: 128 cores are read, each by itself", () => {
  const stat = (busy: number) => {
    const cores = Array.from(
      { length: 128 },
      (_, core) => `cpu${core} ${core === 127 ? busy : 0} 0 0 ${1000 + 100} 0 0 0 0 0 0`,
    );
    return `cpu  ${busy} 0 0 1000 0 0 0 0 0 0\n${cores.join("\n")}\nintr ${"0 ".repeat(5000)}\nctxt 1\n`;
  };
  const collector = new CpuCollector();
  collector.collect(bytes(stat(0)), {});
  const values: HostValues = {};
  const cores = collector.collect(bytes(stat(50)), values);
  assert.equal(cores.length, 128);
  near(cores[127]?.user, 1);
  near(cores[0]?.user, 0);
  near(values["system.cpu.utilization"], 1);
});

test("cpu: the first reading, a reading in the same tick and a core that vanished tell nothing", () => {
  const collector = new CpuCollector();
  const two = "cpu  10 0 0 90\ncpu0 5 0 0 45\ncpu1 5 0 0 45\n";
  for (const text of [two, two, "cpu  20 0 0 180\ncpu0 20 0 0 180\n"]) {
    const values: HostValues = {};
    collector.collect(bytes(text), values);
    assert.equal(values["system.cpu.utilization"], undefined);
  }
});

test("cpu: old kernels tell fewer states, and iowait may run backwards", () => {
  const collector = new CpuCollector();
  const { values } = collectTwice(
    (content, into) => collector.collect(content, into),
    ["cpu  10 0 10 80 9\n", "cpu  20 0 20 160 3\n"],
  );
  near(values["system.cpu.utilization"], 0.2);
  near(values["system.cpu.iowait"], 0);
  near(values["system.cpu.steal"], 0);
});

test("memory: used is the total less what is available; without swap the swap is zero", () => {
  const values: HostValues = {};
  const reading = new MemoryCollector().collect(
    bytes(
      "MemTotal:        1000 kB\nMemFree:          100 kB\nMemAvailable:     600 kB\nBuffers:           50 kB\nCached:           300 kB\nSwapCached:        77 kB\nSwapTotal:          0 kB\nSwapFree:           0 kB\nSReclaimable:      40 kB\nHugePages_Total:       0\n",
    ),
    values,
  );
  assert.deepEqual(reading?.memory, { total: 1024000, used: 409600, buffers: 51200, cached: 348160 });
  near(values["system.memory.utilization"], 0.4);
  assert.equal(values["system.swap.limit"], 0);
  assert.equal(values["system.swap.usage"], 0);
});

test("memory: an old kernel without MemAvailable, and a file with nothing in it", () => {
  const values: HostValues = {};
  new MemoryCollector().collect(bytes("MemTotal: 1000 kB\nMemFree: 100 kB\nBuffers: 50 kB\nCached: 250 kB"), values);
  near(values["system.memory.utilization"], 0.6);
  assert.equal(new MemoryCollector().collect(bytes(""), {}), undefined);
  assert.equal(new MemoryCollector().collect(bytes("nonsense\n\n:::\n"), {}), undefined);
});

const DISKS_BEFORE = ` 254       0 vda 100 5 2000 10 50 6 1000 20 0 1000 30 1 2 3 4 5 6
 254       1 vda1 100 5 2000 10 50 6 1000 20 0 1000 30
   7       0 loop0 9 0 9 0 0 0 0 0 0 0 0
 253       0 dm-0 1 0 8 0 1 0 8 0 0 0 0
 259       0 nvme0n1 0 0 0 0 0 0 0 0 0 0 0
 259       1 nvme0n1p1 0 0 0 0 0 0 0 0 0 0 0
`;
const DISKS_AFTER = DISKS_BEFORE.replaceAll(
  "100 5 2000 10 50 6 1000 20 0 1000",
  "110 5 2040 10 70 6 1400 20 3 2500",
).replace("dm-0 1 0 8", "dm-0 9 0 88");

test("disk I/O: rates of whole disks in bytes; stacked devices are shown but not added", () => {
  const collector = new DiskIoCollector();
  const { answer, values } = collectTwice(
    (content, into, at) => collector.collect(content, at, into),
    [DISKS_BEFORE, DISKS_AFTER],
  );
  assert.deepEqual(
    answer.map((disk) => disk.device),
    ["vda", "dm-0", "nvme0n1"],
  );
  assert.deepEqual(answer[0], {
    device: "vda",
    readBytes: 10240,
    writeBytes: 102400,
    reads: 5,
    writes: 10,
    busy: 0.75,
  });
  near(values["system.disk.read"], 10240);
  near(values["system.disk.write"], 102400);
});

test("disk I/O: /sys tells whole disks from partitions where names do not", async (scope) => {
  const folder = await makeTempDir(scope);
  await mkdir(join(folder, "xvda1")); // on some clouds the only disk is called like a partition
  const collector = new DiskIoCollector();
  collector.refreshDisks(folder);
  const line = (sectors: number) => `202 1 xvda1 0 0 ${sectors} 0 0 0 0 0 0 0 0\n202 2 xvda 0 0 9 0 0 0 0 0 0 0 0\n`;
  const { values } = collectTwice((content, into, at) => collector.collect(content, at, into), [line(0), line(4)]);
  near(values["system.disk.read"], 1024);
});

test("disk I/O: a counter that went back counts as standing still, and a container without disks tells nothing", () => {
  const collector = new DiskIoCollector();
  const { values } = collectTwice(
    (content, into, at) => collector.collect(content, at, into),
    [DISKS_AFTER, DISKS_BEFORE],
  );
  near(values["system.disk.read"], 0);
  const none: HostValues = {};
  assert.deepEqual(new DiskIoCollector().collect(bytes(""), 0, none), []);
  assert.equal(none["system.disk.read"], undefined);
});

const network = (
  received: number,
  sent: number,
) => `Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:  999${received}      29    0    0    0     0          0         0     3193      29    0    0    0     0       0          0
  eth0:${received}   20431    0    0    0     0          0         0  ${sent}   11548    0    0    0     0       0          0
docker0: ${received}   20431    0    0    0     0          0         0  ${sent}   11548    0    0    0     0       0          0
eth0.100: ${received}  1 0 0 0 0 0 0 ${sent} 1 0 0 0 0 0 0
veth1a2b3c: ${received}  1 0 0 0 0 0 0 ${sent} 1 0 0 0 0 0 0
`;

test("network: physical interfaces are added up, loopback, bridges, VLANs and container links are not", () => {
  const collector = new NetworkCollector();
  const { answer, values } = collectTwice(
    (content, into, at) => collector.collect(content, at, into),
    [network(1000, 5000), network(5000, 25_000)],
  );
  near(values["system.network.receive"], 2000);
  near(values["system.network.transmit"], 10_000);
  assert.deepEqual(
    answer.map((entry) => entry.name),
    ["eth0", "docker0", "eth0.100", "veth1a2b3c"],
  );
});

test("load and uptime are read as they stand", () => {
  const values: HostValues = {};
  const reading = new LoadCollector().collect(bytes("0.42 12.36 128.28 3/812 40127\n"), values);
  assert.deepEqual(reading, { load: [0.42, 12.36, 128.28], running: 3 });
  assert.equal(values["system.load.15m"], 128.28);
  assert.equal(readUptime(bytes("1936.32 3800.11\n")), 1936.32);
});

test("filesystems: local ones and the root, each device once; nothing on a network", () => {
  const mounts = parseMounts(`proc /proc proc rw 0 0
overlay / overlay rw,lowerdir=/a 0 0
/dev/vda1 /var/lib/data/deep ext4 rw 0 0
/dev/vda1 /data ext4 rw 0 0
/dev/vdb /mnt/with\\040space xfs rw 0 0
tmpfs /run tmpfs rw 0 0
server:/export /nfs nfs4 rw 0 0
//srv/share /smb cifs rw 0 0
sshfs /home/x fuse.sshfs rw 0 0
overlay /var/lib/docker/overlay2/x/merged overlay rw 0 0
pool/home /home zfs rw 0 0
/dev/loop3 /snap/core squashfs ro 0 0
broken
`);
  assert.deepEqual(
    mounts.map((mount) => mount.mount),
    ["/", "/data", "/mnt/with space", "/home"],
  );
});

test("a host whose /proc is nearly empty gives a sample with what there is", async (scope) => {
  const proc = await mkdtemp(join(await makeTempDir(scope), "proc-"));
  await writeFile(join(proc, "meminfo"), "MemTotal: 1000 kB\nMemAvailable: 500 kB\n");
  await mkdir(join(proc, "123"));
  const clock = new ManualClock();
  const sampler = new LinuxSampler({ clock, proc });
  await sampler.start();
  clock.advance(3000);
  const { at, values, detail } = sampler.sample();
  assert.equal(at, clock.now());
  assert.deepEqual(Object.keys(values).sort(), [
    "system.memory.cached",
    "system.memory.limit",
    "system.memory.usage",
    "system.memory.utilization",
    "system.processes",
    "system.swap.limit",
    "system.swap.usage",
  ]);
  assert.deepEqual(detail?.cores, []);
  assert.equal(detail?.processes.total, 1);
  sampler.stop();
  assert.equal(clock.pendingTimers, 0);
});

test("a file of /proc that is larger than the buffer is read whole, and one that comes later is found", async (scope) => {
  const proc = await makeTempDir(scope);
  const cores = Array.from({ length: 300 }, (_, core) => `cpu${core} 1 0 0 ${core} 0 0 0 0 0 0`);
  const clock = new ManualClock();
  const sampler = new LinuxSampler({ clock, proc });
  await sampler.start();
  await writeFile(join(proc, "stat"), `cpu  1 0 0 1 0 0 0 0 0 0\n${cores.join("\n")}\n`);
  let found = 0;
  for (let beat = 0; beat < 103; beat++) found = sampler.sample().detail?.cores.length ?? 0;
  assert.equal(found, 300);
  sampler.stop();
});

test("this host can be read", { skip: process.platform !== "linux" }, async () => {
  const clock = new ManualClock(Date.UTC(2026, 0, 1));
  const sampler = new LinuxSampler({ clock });
  await sampler.start();
  await settle();
  clock.advance(1000);
  const { values, detail } = sampler.sample();
  assert.ok((values["system.memory.limit"] ?? 0) > 0);
  assert.ok((values["system.uptime"] ?? 0) > 0);
  assert.ok((detail?.processes.total ?? 0) > 0);
  sampler.stop();
});
