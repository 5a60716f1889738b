import assert from "node:assert/strict";
import { createServer as createHttpServer } from "node:http";
import { createServer as createHttp2Server, type ServerHttp2Session } from "node:http2";
import { join } from "node:path";
import { test } from "node:test";
import { ManualClock, makeTempDir, onEnd, type Scope } from "@muster/testing";
import * as z from "zod/mini";
import { findUndescribed, readOptions, rowsOf, tryKind } from "../../shared/kinds-for-test.ts";
import { containerd } from "./containerd.ts";
import { docker } from "./docker.ts";
import { readUsage } from "./docker-api.ts";
import { readMessage } from "./protobuf.ts";

const ID = "0123456789abcdef".repeat(4);

const stats = (cpuNs: number, read: string) => ({
  read,
  pids_stats: { current: 5 },
  cpu_stats: { cpu_usage: { total_usage: cpuNs }, system_cpu_usage: 1e12, online_cpus: 2 },
  memory_stats: { usage: 3_000_000, limit: 8_000_000, stats: { inactive_file: 1_000_000 } },
  networks: { eth0: { rx_bytes: 100, tx_bytes: 10 }, eth1: { rx_bytes: 1, tx_bytes: 2 } },
  blkio_stats: {
    io_service_bytes_recursive: [
      { major: 254, minor: 0, op: "read", value: 4096 },
      { major: 254, minor: 0, op: "write", value: 8192 },
      { major: 253, minor: 0, op: "Read", value: 1 },
    ],
  },
});

/** An engine on a Unix socket that answers what it is given, by path. */
async function serveEngine(scope: Scope, answers: (path: string) => unknown): Promise<string> {
  const socketPath = join(await makeTempDir(scope), "docker.sock");
  const server = createHttpServer((request, response) => {
    const answer = answers(request.url ?? "");
    response.writeHead(answer === undefined ? 404 : 200, { "content-type": "application/json" });
    response.end(JSON.stringify(answer ?? { message: "page not found" }));
  });
  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
  onEnd(scope, () => void server.close());
  return `unix://${socketPath}`;
}

test("docker: the sample with another socket tells containers, their use and the engine", async (scope) => {
  let reading = 0;
  const endpoint = await serveEngine(scope, (path) => {
    if (path === "/info")
      return { Containers: 2, ContainersRunning: 1, ContainersStopped: 1, Images: 7, ServerVersion: "28.0.1" };
    if (path === "/containers/json?all=true") {
      return [
        {
          Id: ID,
          Names: ["/web"],
          Image: "nginx:1.27",
          State: "running",
          Created: 1_700_000_000,
          Labels: { "com.docker.compose.project": "shop" },
        },
        { Id: "f".repeat(64), Names: ["/once"], Image: "busybox", State: "exited", Created: 1_700_000_000, Labels: {} },
        { Id: "e".repeat(64), Names: ["/gone"], Image: "busybox", State: "running", Created: 1, Labels: null },
        { broken: true },
      ];
    }
    if (!path.startsWith(`/containers/${ID}/stats`)) return undefined;
    reading += 1;
    return stats(reading * 500_000_000, `2026-01-01T00:00:0${reading}.000000000Z`);
  });
  const clock = new ManualClock();
  const options = { ...readOptions(docker, docker.sample), endpoint, container_exclude: ["^gone$"] };
  const trial = await tryKind(scope, docker, { clock, options });
  await trial.collect();
  clock.advance(30_000);
  await trial.collect();
  assert.deepEqual(findUndescribed(docker, trial.points), []);
  const metrics = trial.points.filter((point) => point.category === "metric");
  const web = rowsOf(metrics, "docker_containers");
  assert.equal(web.length, 2);
  assert.equal(web[0]?.cpu_usage, undefined);
  assert.deepEqual(web[1], {
    container_id: ID,
    container_name: "web",
    container_runtime: "docker",
    image: "nginx:1.27",
    state: "running",
    compose_project: "shop",
    cpu_usage: 50,
    cpu_usage_millicores: 500n,
    mem_usage: 2_000_000n,
    mem_limit: 8_000_000n,
    mem_used_percent: 25,
    network_bytes_rcvd: 101n,
    network_bytes_sent: 12n,
    block_read_byte: 4097n,
    block_write_byte: 8192n,
    processes: 5n,
  });
  assert.deepEqual(rowsOf(metrics, "docker")[0]?.images, 7n);
  const objects = trial.points.filter((point) => point.category === "object");
  assert.deepEqual(
    objects.map((point) => point.tags.container_name),
    ["web", "once"],
  );
});

test("docker: an engine that is away or refuses is an error in words", async (scope) => {
  const nowhere = await tryKind(scope, docker, { options: { endpoint: "unix:///nonexistent/docker.sock" } });
  await assert.rejects(nowhere.collect(), /^Error: unix:\/\/\/nonexistent\/\w+\.sock: connect ENOENT/);
  const refusing = await tryKind(scope, docker, { options: { endpoint: await serveEngine(scope, () => undefined) } });
  await assert.rejects(
    refusing.collect(),
    /: the engine answered \/containers\/json\?all=true with 404: page not found/,
  );
  assert.match(
    z.safeParse(docker.options, { endpoint: "tcp://x:1" }).error?.issues[0]?.message ?? "",
    /^"endpoint" must be/,
  );
});

test("docker: odd answers make no numbers", () => {
  assert.equal(readUsage({ memory_stats: {}, networks: null, read: "0001-01-01T00:00:00Z" }).cpuAtNs, undefined);
  assert.deepEqual(
    Object.values(readUsage([])).filter((value) => value !== undefined),
    [],
  );
});

/** Writes messages as the interface defines them: numbers of fields with their values. */
function write(fields: readonly (readonly [number, bigint | string | Buffer])[]): Buffer {
  const varint = (value: bigint): Buffer => {
    const bytes: number[] = [];
    for (let rest = value; ; rest >>= 7n) {
      if (rest < 0x80n) return Buffer.from([...bytes, Number(rest)]);
      bytes.push(Number(rest & 0x7fn) | 0x80);
    }
  };
  return Buffer.concat(
    fields.flatMap(([number, value]) => {
      if (typeof value === "bigint") return [varint(BigInt(number) << 3n), varint(value)];
      const bytes = Buffer.from(value);
      return [varint((BigInt(number) << 3n) | 2n), varint(BigInt(bytes.length)), bytes];
    }),
  );
}

/** A runtime on a Unix socket that speaks as much gRPC as the collector needs. */
async function serveRuntime(scope: Scope, answers: (method: string) => Buffer | undefined): Promise<string> {
  const socketPath = join(await makeTempDir(scope), "containerd.sock");
  const server = createHttp2Server();
  const sessions = new Set<ServerHttp2Session>();
  server.on("session", (session) => sessions.add(session));
  server.on("stream", (stream, headers) => {
    const message = answers(String(headers[":path"]).split("/").pop() ?? "");
    if (!message) {
      stream.respond({ ":status": 200, "content-type": "application/grpc", "grpc-status": "12" }, { endStream: true });
      return;
    }
    stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
    stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
    const prefix = Buffer.alloc(5);
    prefix.writeUInt32BE(message.length, 1);
    stream.write(prefix);
    stream.end(message);
  });
  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
  onEnd(scope, () => {
    for (const session of sessions) session.destroy();
    server.close();
  });
  return `unix://${socketPath}`;
}

test("containerd: the sample with another socket tells containers and their use", async (scope) => {
  let reading = 0n;
  const endpoint = await serveRuntime(scope, (method) => {
    if (method === "ListContainers") {
      const label = write([
        [1, "io.kubernetes.pod.name"],
        [2, "web-0"],
      ]);
      const container = write([
        [1, ID],
        [2, "sandbox"],
        [
          3,
          write([
            [1, "web"],
            [2, 3n],
          ]),
        ],
        [4, write([[1, "nginx:1.27"]])],
        [6, 1n],
        [7, 1_700_000_000_000_000_000n],
        [8, label],
      ]);
      return write([
        [1, container],
        [
          1,
          write([
            [1, "f".repeat(64)],
            [6, 2n],
          ]),
        ],
      ]);
    }
    if (method !== "ListContainerStats") return undefined;
    reading += 1n;
    const value = (number: bigint) => write([[1, number]]);
    const cpu = write([
      [1, reading * 1_000_000_000n],
      [2, value(reading * 250_000_000n)],
    ]);
    const memory = write([
      [2, value(1_000_000n)],
      [3, value(3_000_000n)],
      [4, value(2_000_000n)],
    ]);
    return write([
      [
        1,
        write([
          [1, write([[1, ID]])],
          [2, cpu],
          [3, memory],
          [4, write([[3, value(555n)]])],
        ]),
      ],
    ]);
  });
  const clock = new ManualClock();
  const trial = await tryKind(scope, containerd, {
    clock,
    options: { ...readOptions(containerd, containerd.sample), endpoint },
  });
  await trial.collect();
  clock.advance(30_000);
  await trial.collect();
  assert.deepEqual(findUndescribed(containerd, trial.points), []);
  const metrics = rowsOf(
    trial.points.filter((point) => point.category === "metric"),
    "docker_containers",
  );
  assert.deepEqual(metrics[1], {
    container_id: ID,
    container_name: "web",
    container_runtime: "containerd",
    image: "nginx:1.27",
    state: "running",
    pod_name: "web-0",
    cpu_usage: 25,
    cpu_usage_millicores: 250n,
    mem_usage: 1_000_000n,
    mem_limit: 4_000_000n,
    mem_used_percent: 25,
    layer_bytes: 555n,
  });
  const objects = trial.points.filter((point) => point.category === "object");
  assert.deepEqual(
    objects.map((point) => point.tags.state),
    ["running", "exited"],
  );
});

test("containerd: a runtime that is away or serves no CRI is an error in words", async (scope) => {
  const nowhere = await tryKind(scope, containerd, { options: { endpoint: "unix:///nonexistent/containerd.sock" } });
  await assert.rejects(nowhere.collect(), /^Error: unix:\/\/\/nonexistent\/\w+\.sock: connect ENOENT/);
  const endpoint = await serveRuntime(scope, () => undefined);
  const refusing = await tryKind(scope, containerd, { options: { endpoint } });
  await assert.rejects(refusing.collect(), /does not serve the CRI/);
});

test("bytes that are no message are refused, whatever they are", () => {
  const whole = write([
    [1, "text"],
    [2, 300n],
    [3, Buffer.alloc(20)],
  ]);
  assert.equal(readMessage(whole).get(2)?.[0], 300n);
  let random = 1;
  for (let round = 0; round < 2000; round++) {
    const bytes = Buffer.from(whole);
    for (let change = 0; change < 3; change++) {
      random = (random * 48_271) % 2_147_483_647;
      bytes[random % bytes.length] = random >> 8;
    }
    try {
      readMessage(bytes.subarray(0, random % (bytes.length + 1)));
    } catch (error) {
      assert.match(String(error), /a message (ends inside|has)/);
    }
  }
});
