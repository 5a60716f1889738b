import assert from "node:assert/strict";
import { test } from "node:test";
import { readDetail } from "./detail.ts";

test("names that would fill a server's memory are left out with their parts", () => {
  const long = "x".repeat(4000);
  const filesystem = (mount: string) => ({ mount, device: long, type: "ext4", total: 1, used: 1 });
  const detail = readDetail({
    cores: [],
    memory: { total: 1, used: 1, buffers: 1, cached: 1 },
    swap: { total: 1, used: 1 },
    load: [1, 1, 1],
    filesystems: Array.from({ length: 1024 }, (_, index) => filesystem(`${index}${long}`)),
    disks: [],
    networks: Array.from({ length: 3 }, () => ({ name: "eth0", receiveBytes: 1, transmitBytes: 1 })),
    uptimeS: 1,
    processes: { total: 1, running: 1 },
  });
  assert.ok(detail && JSON.stringify(detail).length < 100_000);
  assert.equal(detail.filesystems.length, 8);
  assert.equal(detail.filesystems[7]?.mount, `7${long}`);
});
