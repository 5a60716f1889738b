import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { ManualClock, makeTempDir, type Scope, waitUntil } from "@muster/testing";
import * as z from "zod/mini";
import { Rates } from "../../../collectors/rates.ts";
import { findUndescribed, rowsOf, tryKind } from "../shared/kinds-for-test.ts";
import { cpu, loadBetween, parseCpuTicks, readTemperature, usageBetween } from "./cpu.ts";
import { disk, fillOf, parseMountTable, selectMounts } from "./disk.ts";
import { diskio, paceOf, parseDiskstats } from "./diskio.ts";
import { mem, readMemory, readSwap, swap } from "./mem.ts";
import { createNet, net, parseNetDev, parseSnmp } from "./net.ts";
import { netstat, parseSocketLine } from "./netstat.ts";
import { readPageSize } from "./proc.ts";
import { countLogins, parseConntrack, readFileHandles, readLoads, system } from "./system.ts";

/** A folder with recorded files under their paths. */
async function record(scope: Scope, files: Readonly<Record<string, string>>): Promise<string> {
  const folder = await makeTempDir(scope);
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text);
  }
  return folder;
}

const near = (actual: unknown, expected: number) =>
  assert.ok(typeof actual === "number" && Math.abs(actual - expected) < 1e-9, `${actual} is not ${expected}`);

/** The kernel counts in hundredths of a second: between two readings it must have counted. */
async function nextTick(): Promise<void> {
  const read = () => readFileSync("/proc/stat", "utf8").split("\n", 1)[0];
  const before = read();
  await waitUntil("the kernel's next tick", () => read() !== before, { everyMs: 1 });
}

for (const kind of [cpu, mem, swap, disk, diskio, net, netstat, system]) {
  test(`${kind.name}: the sample runs on this host, and everything it tells is described`, async (scope) => {
    const clock = new ManualClock();
    const trial = await tryKind(scope, kind, { clock });
    clock.advance(10_000);
    await nextTick();
    await trial.collect();
    // swap and disks may be missing in a container, their points are not
    if (kind !== diskio && kind !== disk) assert.ok(trial.points.length > 0);
    assert.deepEqual(findUndescribed(kind, trial.points), []);
    assert.equal(clock.pendingTimers, 0);
  });
}

test("cpu: shares are of the ticks since the reading before; guests are taken out of user", () => {
  const [before, now] = ["cpu  100 0 100 800 0 0 0 0 50 0\n", "cpu  120 10 110 840 10 4 1 5 60 0\nintr 9 9\n"].map(
    (text) => parseCpuTicks(text).get("cpu-total"),
  );
  assert.ok(before && now);
  const usage = usageBetween(before, now, true);
  near(usage?.usage_user, 10);
  near(usage?.usage_guest, 10);
  near(usage?.usage_nice, 10);
  near(usage?.usage_system, 10);
  near(usage?.usage_iowait, 10);
  near(usage?.usage_idle, 40);
  near(usage?.usage_total, 60);
  near(usage?.usage_active, 50);
  near(usage?.usage_steal, 5);
  assert.equal(usageBetween(now, now, false), undefined);
  assert.equal(usageBetween(before, now, false)?.usage_active, undefined);
});

test("cpu: cores, seconds and the total are told as the options say", async (scope) => {
  const clock = new ManualClock();
  const options = { percpu: true, totalcpu: false, collect_cpu_time: true };
  const trial = await tryKind(scope, cpu, { clock, options });
  await trial.collect();
  const rows = rowsOf(trial.points, "cpu");
  assert.ok(rows.length > 0 && rows.every((row) => row.cpu !== "cpu-total" && typeof row.time_user === "number"));
});

test("cpu: the load since the reading before comes out of the moving average", () => {
  const step = (load: number, active: number, ms: number) => {
    const kept = Math.exp(-ms / 60_000);
    return load * kept + active * (1 - kept);
  };
  near(loadBetween(0.5, step(0.5, 7, 10_000), 10_000), 7);
  assert.equal(loadBetween(0.5, 0.6, 1000), undefined);
  assert.equal(loadBetween(9, 0, 10_000), 0);
});

test("cpu: only the processor's sensors are read", async (scope) => {
  const sys = await record(scope, {
    "class/hwmon/hwmon0/name": "nvme\n",
    "class/hwmon/hwmon0/temp1_input": "90000\n",
    "class/hwmon/hwmon1/name": "coretemp\n",
    "class/hwmon/hwmon1/temp1_input": "50000\n",
    "class/hwmon/hwmon1/temp2_input": "54500\n",
    "class/hwmon/hwmon1/temp2_max": "100000\n",
  });
  near(readTemperature(sys), 52.25);
  assert.equal(readTemperature(join(sys, "none")), undefined);
});

const MEMINFO = `MemTotal:        1000 kB
MemFree:          100 kB
MemAvailable:     600 kB
Buffers:           50 kB
Cached:           300 kB
SwapTotal:       2000 kB
SwapFree:        1500 kB
SReclaimable:      40 kB
HugePages_Total:       3
Hugepagesize:       2048 kB
`;

test("the size of a page is the kernel's", { skip: process.platform !== "linux" }, async (scope) => {
  const size = readPageSize("/proc");
  assert.ok(size >= 4096 && Number.isInteger(Math.log2(size)), String(size));
  assert.equal(readPageSize(await makeTempDir(scope)), 4096);
});

test("mem: used is the total less what is available; what the kernel does not tell is left out", () => {
  const memory = readMemory(MEMINFO);
  assert.deepEqual(
    [memory.total, memory.used, memory.cached, memory.used_percent, memory.huge_pages_total, memory.huge_page_size],
    [1024000n, 409600n, 348160n, 40, 3n, 2097152n],
  );
  assert.equal(memory.slab, undefined);
  assert.equal(readMemory(MEMINFO.replace(/MemAvailable.*\n/, "")).available, 501760n);
  assert.throws(() => readMemory("nonsense"), /MemTotal/);
});

test("swap: bytes, and pages that moved", () => {
  assert.deepEqual(readSwap(MEMINFO, "pswpin 10\npswpout 3\n", 4096), {
    total: 2048000n,
    free: 1536000n,
    used: 512000n,
    used_percent: 25,
    in: 40960n,
    out: 12288n,
  });
  assert.equal(readSwap("", "", 4096).used_percent, 0);
});

const MOUNTS = `overlay / overlay rw,lowerdir=/a 0 0
proc /proc proc rw 0 0
tmpfs /run tmpfs rw 0 0
/dev/vda1 /var/lib/data/deep ext4 rw 0 0
/dev/vda1 /data ext4 ro,noatime 0 0
/dev/vdb /mnt/with\\040space xfs rw 0 0
server:/export /nfs nfs4 rw 0 0
/dev/loop3 /snap/core squashfs ro 0 0
broken
`;

test("disk: what holds data is chosen, each device once", () => {
  const choose = (options: object) =>
    selectMounts(parseMountTable(MOUNTS), z.parse(disk.options, options) as Parameters<typeof selectMounts>[1]).map(
      (mount) => mount.mountPoint,
    );
  assert.deepEqual(choose({}), ["/", "/data", "/mnt/with space", "/nfs"]);
  assert.deepEqual(choose({ only_physical_device: true }), ["/data", "/mnt/with space"]);
  assert.deepEqual(choose({ merge_on_device: false, only_physical_device: true }), [
    "/var/lib/data/deep",
    "/data",
    "/mnt/with space",
  ]);
  assert.deepEqual(choose({ mount_points: ["/run"] }), ["/run"]);
  assert.deepEqual(choose({ ignore_fs: ["nfs4", "xfs"] }), ["/", "/data"]);
  assert.deepEqual(choose({ exclude_device: ["server:/export"], extra_device: ["/dev/loop3"] }), [
    "/",
    "/data",
    "/mnt/with space",
    "/snap/core",
  ]);
});

test("disk: used per cent is of what programs can use", () => {
  const fill = fillOf({ bsize: 4096, blocks: 1000, bfree: 400, bavail: 200, files: 2 * 1048576, ffree: 1048576 });
  assert.deepEqual(
    [fill.total, fill.used, fill.free, fill.used_percent, fill.inodes_used_mb, fill.inodes_used_percent],
    [4096000n, 2457600n, 819200n, 75, 1n, 50],
  );
});

test("diskio: counters in bytes and milliseconds, paces since the reading before", () => {
  const line = (columns: string) => ` 254       0 vda ${columns} 1 2 3 4\n   7       0 short 1 2\n`;
  const rates = new Rates();
  rates.begin(0);
  const [first] = parseDiskstats(line("100 5 2000 10 50 6 1000 20 0 1000 30"));
  assert.ok(first);
  assert.equal(paceOf(first, rates), undefined);
  rates.begin(2000);
  const [disk] = parseDiskstats(line("110 5 2040 20 70 6 1400 70 3 2500 90"));
  assert.ok(disk);
  assert.deepEqual([disk.read_bytes, disk.iops_in_progress, disk.io_time], [1044480, 3, 2500]);
  assert.deepEqual(paceOf(disk, rates), {
    "read_bytes/sec": 10240n,
    "write_bytes/sec": 102400n,
    read_iops: 5,
    write_iops: 10,
    io_util: 75,
    io_await: 2,
  });
});

test("net: interfaces and protocols are read under DataKit's names", () => {
  const counters = parseNetDev(`Inter-|   Receive                            |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
  eth0:12345 100 1 2 0 0 0 0 6789 50 3 4 0 0 0 0
`).get("eth0");
  assert.deepEqual(counters, {
    bytes_recv: 12345,
    packets_recv: 100,
    err_in: 1,
    drop_in: 2,
    bytes_sent: 6789,
    packets_sent: 50,
    err_out: 3,
    drop_out: 4,
  });
  const stats = parseSnmp("Tcp: MaxConn InSegs\nTcp: -1 42\nUdp: InDatagrams\nUdp: 7\nOther: A\nOther: 1\n");
  assert.deepEqual(stats, { tcp_maxconn: -1, tcp_insegs: 42, udp_indatagrams: 7 });
});

test("net: interfaces are chosen by name, virtual ones only when asked for", async (scope) => {
  const everything = await tryKind(scope, net, { options: { enable_virtual_interfaces: true, interfaces: ["^lo$"] } });
  await everything.collect();
  assert.deepEqual(
    rowsOf(everything.points, "net").map((row) => row.interface),
    ["lo", "all"],
  );
  const physical = await tryKind(scope, net, { options: { interfaces: ["^lo$"], ignore_protocol_stats: true } });
  await physical.collect();
  assert.deepEqual(physical.points, []);
});

test("net: inside a container, where everything is virtual, all but lo are told", async (scope) => {
  const line = "1 1 0 0 0 0 0 0 1 1 0 0 0 0 0 0";
  const folder = await record(scope, {
    "proc/net/dev": `  lo: ${line}\neth0: ${line}\ndocker0: ${line}\n`,
    "sys/devices/virtual/net/lo/mtu": "",
    "sys/devices/virtual/net/eth0/mtu": "",
    "sys/devices/virtual/net/docker0/mtu": "",
  });
  const roots = { proc: join(folder, "proc"), sys: join(folder, "sys") };
  const names = async () => {
    const trial = await tryKind(scope, {
      ...net,
      create: (options, tools) => createNet(options as never, tools, roots),
    });
    await trial.collect();
    return rowsOf(trial.points, "net").map((row) => row.interface);
  };
  assert.deepEqual(await names(), ["eth0", "docker0"]);
  await rm(join(folder, "sys/devices/virtual/net/eth0"), { recursive: true });
  assert.deepEqual(await names(), ["eth0"]);
});

test("netstat: addresses of both versions are read as the options write them", () => {
  const rest = "00000000:00000000 00:00000000 00000000     0        0 4608113 1 0 100 0 0 10 0";
  const read = (line: string) => parseSocketLine(`${line} ${rest}`, true);
  assert.deepEqual(read("   0: 0100007F:0050 00000000:0000 0A"), { local: "127.0.0.1:80", port: 80, state: 10 });
  const loopback = read("   1: 00000000000000000000000001000000:01BB 00000000000000000000000000000000:0000 01");
  assert.deepEqual(loopback, { local: "[::1]:443", port: 443, state: 1 });
  const mapped = read("   2: 0000000000000000FFFF00000500000A:01BB 00000000000000000000000000000000:0000 01");
  assert.equal(mapped?.local, "10.0.0.5:443");
  assert.equal(parseSocketLine("  sl  local_address rem_address   st", true), undefined);
});

test("netstat: chosen ports are counted by themselves", async (scope) => {
  const server = createServer((socket) => socket.on("error", () => {}));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  const client = connect(port, "127.0.0.1");
  scope.after(() => {
    client.destroy();
    server.close();
  });
  await new Promise((resolve) => server.once("connection", resolve));
  const options = { addr_ports: [{ ports: [`127.0.0.1:${port}`], tags: { service: "test" } }] };
  const trial = await tryKind(scope, netstat, { options });
  await trial.collect();
  const row = rowsOf(trial.points, "netstat").find((entry) => entry.addr_port !== undefined);
  assert.equal(row?.service, "test");
  assert.equal(row?.ip_version, "ipv4");
  assert.deepEqual([row?.tcp_listen, row?.tcp_established], [1n, 1n]);
  assert.deepEqual(
    z.safeParse(netstat.options, { addr_ports: [{ ports: ["80"] }] }).error?.issues[0]?.message,
    '"addr_ports[0].ports[0]" must look like "*:80" or "10.0.0.5:443"',
  );
});

test("system: loads by core, logins, tracked connections and file handles", () => {
  assert.deepEqual(readLoads("1 2 4 3/812 40127\n", 4), {
    load1: 1,
    load1_per_core: 0.25,
    load5: 2,
    load5_per_core: 0.5,
    load15: 4,
    load15_per_core: 1,
  });
  const utmp = Buffer.alloc(384 * 3 + 10);
  utmp.writeInt16LE(7, 0);
  utmp.writeInt16LE(2, 384);
  utmp.writeInt16LE(7, 768);
  assert.equal(countLogins(utmp), 2);
  assert.deepEqual(parseConntrack("entries found drop\n000000ff 0000000a 00000001\n000000ff 00000001 00000000\n"), {
    entries: 510,
    found: 11,
    drop: 1,
  });
  assert.deepEqual(readFileHandles("9756\t0\t2000000\n"), { allocated: 9756n, maximum: 2000000n, maximum_mega: 2 });
});
