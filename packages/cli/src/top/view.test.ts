import assert from "node:assert/strict";
import { test } from "node:test";
import type { LatestSample } from "@muster/core/resources";
import { createStyle } from "../terminal/style.ts";
import { displayWidth } from "../terminal/width.ts";
import { makeAgent } from "../test-fixtures.ts";
import { drawTop, lineOfSample, type TopPicture } from "./view.ts";

const GIB = 1024 ** 3;

function makeSample(cores: number): LatestSample {
  return {
    agentId: "a",
    at: "2026-01-01T00:00:00.000Z",
    values: { "system.cpu.utilization": 0.5, "system.memory.utilization": 0.95, "system.load.1m": 1.5 },
    detail: {
      cores: Array.from({ length: cores }, () => ({ user: 0.4, system: 0.1, iowait: 0 })),
      memory: { total: 16 * GIB, used: 15.2 * GIB, buffers: 0, cached: 0 },
      swap: { total: 0, used: 0 },
      load: [1.5, 1, 0.5],
      filesystems: [{ mount: "/", device: "/dev/vda1", type: "ext4", total: 100 * GIB, used: 25 * GIB }],
      disks: [{ device: "vda", readBytes: 1024, writeBytes: 0, reads: 1, writes: 0, busy: 0.25 }],
      networks: [{ name: "eth0", receiveBytes: 2048, transmitBytes: 0 }],
      uptimeS: 93_784,
      processes: { total: 312, running: 2 },
    },
  };
}

function makePicture(parts: Partial<TopPicture> = {}): TopPicture {
  return {
    agent: makeAgent(),
    sample: makeSample(4),
    now: Date.parse("2026-01-01T00:00:02.000Z"),
    width: 80,
    height: 50,
    connection: null,
    style: createStyle(false),
    ...parts,
  };
}

test("the picture has gauges, cores, disks and networks, and no swap where there is none", () => {
  const text = drawTop(makePicture()).join("\n");
  assert.match(text, /web-1 +10\.0\.0\.1 +up 1d 2h/);
  assert.match(text, /cpu .* 50\.0% +load 1\.50 1\.00 0\.50/);
  assert.match(text, /memory .* 95\.0% +15\.2 GiB of 16\.0 GiB/);
  assert.match(text, /vda .*busy 25\.0%/);
  assert.match(text, /312 processes, 2 running/);
  assert.doesNotMatch(text, /swap/);
});

test("128 cores fit into the width and the picture into the height", () => {
  const lines = drawTop(makePicture({ sample: makeSample(128), height: 24 }));
  assert.equal(lines.length, 24);
  for (const line of lines) assert.ok(displayWidth(line) <= 80, `${displayWidth(line)}: ${line}`);
});

test("an old reading says how old it is, and a lost connection why", () => {
  const old = drawTop(makePicture({ now: Date.parse("2026-01-01T00:05:00.000Z") })).join("\n");
  assert.match(old, /reading of 5m 00s ago/);
  const lost = drawTop(makePicture({ connection: "no connection: closed with 1006" })).join("\n");
  assert.match(lost, /reading of 2\.0s ago +no connection: closed with 1006/);
});

test("before the first reading it says what it waits for", () => {
  assert.match(drawTop(makePicture({ sample: null })).join("\n"), /waiting for the first reading/);
});

test("a pipe gets one line per reading with what was measured", () => {
  assert.equal(lineOfSample(makeSample(1)), "2026-01-01T00:00:00.000Z  cpu 50.0%  memory 95.0%  load 1.50");
});
