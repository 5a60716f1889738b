import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { appendFileSync, closeSync, openSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { WireChunk } from "@muster/protocols/node";
import { ManualClock, makeTempDir } from "@muster/testing";
import { OutputLimit } from "./output-limit.ts";
import { chunkBytes, RunOutput } from "./run-output.ts";
import { Spool } from "./spool.ts";
import { countOpenBytes, countStrayBytes, encodePiece } from "./text-pieces.ts";

test("a character is never cut: the bytes of its beginning wait, wherever the text is split", () => {
  const text = Buffer.from("aé€😀z");
  for (let end = 0; end <= text.length; end++) {
    const piece = text.subarray(0, end);
    const open = countOpenBytes(piece);
    assert.ok("text" in encodePiece(piece.subarray(0, end - open)), `split at ${end}`);
  }
  assert.equal(countOpenBytes(Buffer.from([0xff, 0xfe])), 0);
  assert.equal(countOpenBytes(Buffer.from([0x80, 0x80, 0x80])), 0);
  assert.equal(countOpenBytes(Buffer.from([0xf0, 0x9f, 0x98])), 3);
  assert.equal(countStrayBytes(Buffer.from([0x98, 0x80, 0x61])), 2);
});

test("bytes that are no text travel as base64", () => {
  assert.deepEqual(encodePiece(Buffer.from([0xff, 0x00])), { base64: "/wA=" });
  assert.deepEqual(encodePiece(Buffer.from("\u0000\ufeffx")), { text: "\u0000\ufeffx" });
});

test("within the limit everything is kept, whole", () => {
  const limit = new OutputLimit(10);
  const kept = [limit.push(Buffer.from("12345")), limit.push(Buffer.from("67")), limit.push(Buffer.from("890"))];
  const end = limit.end();
  const all = [
    ...kept.filter((piece) => piece !== undefined),
    ...end.map((piece) => ("bytes" in piece ? piece.bytes : Buffer.from("CUT"))),
  ];
  assert.equal(Buffer.concat(all).toString(), "1234567890");
  assert.equal(limit.cutBytes, 0);
});

test("beyond the limit head and tail are kept and the middle is counted", () => {
  const limit = new OutputLimit(10);
  const head = limit.push(Buffer.from("abcdefgh"));
  for (let index = 0; index < 1000; index++) limit.push(Buffer.from(String(index % 10)));
  assert.equal(head?.toString(), "abcde");
  const end = limit.end();
  assert.deepEqual(
    end.map((piece) => ("bytes" in piece ? piece.bytes.toString() : piece)),
    [{ cut: 998 }, "56789"],
  );
  assert.equal(limit.totalBytes, 1008);
});

test("head and tail end and begin at whole characters", () => {
  const limit = new OutputLimit(9);
  const head = limit.push(Buffer.from("ab€€€€€€€€"));
  const [cut, tail] = limit.end();
  assert.equal(head?.toString(), "ab€");
  assert.deepEqual(cut, { cut: 18 });
  assert.deepEqual(tail, { bytes: Buffer.from("€") });
});

async function makeOutput(scope: Parameters<typeof makeTempDir>[0], limitBytes = 1024 * 1024) {
  const clock = new ManualClock();
  const spool = Spool.create(join(await makeTempDir(scope), "spool"));
  const told = { chunks: 0 };
  const output = new RunOutput({ spool, clock, limitBytes, onChunk: () => told.chunks++ });
  return { clock, spool, output, told };
}

const readAll = (spool: Spool) => {
  const chunks: WireChunk[] = [];
  for (let after = -1; ; after = chunks.at(-1)?.seq ?? -1) {
    const more = spool.read(after);
    if (more.length === 0) return chunks;
    chunks.push(...more);
  }
};

test("small writes are gathered for a moment and streams keep their order", async (scope) => {
  const { clock, spool, output, told } = await makeOutput(scope);
  for (const letter of "abc") output.write("stdout", Buffer.from(letter));
  assert.equal(spool.lastSeq, -1);
  clock.advance(50);
  assert.equal(told.chunks, 1);
  output.write("stdout", Buffer.from("d"));
  output.write("stderr", Buffer.from("E"));
  output.write("stdout", Buffer.from("f"));
  const summary = output.end();
  assert.deepEqual(
    readAll(spool).map(({ seq, stream, text }) => [seq, stream, text]),
    [
      [0, "stdout", "abc"],
      [1, "stdout", "d"],
      [2, "stderr", "E"],
      [3, "stdout", "f"],
    ],
  );
  assert.deepEqual([summary.stdoutBytes, summary.stderrBytes, summary.cutBytes, summary.lastSeq], [5, 1, 0, 3]);
  assert.equal(summary.digest, createHash("sha256").update("abcdf\0E").digest("hex"));
  assert.equal(clock.pendingTimers, 0);
});

test("no byte is lost: any bytes in any pieces come out as they went in", async (scope) => {
  const { clock, spool, output } = await makeOutput(scope);
  const written = {
    stdout: Buffer.concat([randomBytes(70_000), Buffer.from("€😀".repeat(9000))]),
    stderr: Buffer.from("ü".repeat(5000)),
  };
  for (let at = 0; at < 140_000; at += 777) {
    output.write("stdout", written.stdout.subarray(at, at + 777));
    output.write("stderr", written.stderr.subarray(at, at + 777));
    if (at % 5 === 0) clock.advance(60);
  }
  const { digest } = output.end();
  const chunks = readAll(spool);
  assert.deepEqual(
    chunks.map((chunk) => chunk.seq),
    chunks.map((_, index) => index),
  );
  for (const stream of ["stdout", "stderr"] as const) {
    const bytes = Buffer.concat(chunks.filter((chunk) => chunk.stream === stream).map(chunkBytes));
    assert.ok(bytes.equals(written[stream]), stream);
  }
  assert.equal(digest, createHash("sha256").update(written.stdout).update("\0").update(written.stderr).digest("hex"));
});

test("what exceeds the limit of a stream is cut out of its middle, told in a chunk and left without a digest", async (scope) => {
  const { spool, output } = await makeOutput(scope, 100_000);
  for (let line = 0; line < 50_000; line++) output.write("stdout", Buffer.from(`line ${line}\n`));
  output.write("stderr", Buffer.from("fine"));
  const summary = output.end();
  const chunks = readAll(spool);
  const cuts = chunks.filter((chunk) => chunk.cut !== undefined);
  assert.equal(cuts.length, 1);
  assert.equal(cuts[0]?.cut, summary.cutBytes);
  assert.equal(summary.digest, undefined);
  const text = chunks.map((chunk) => chunk.text ?? "[cut]").join("");
  assert.match(text, /^line 0\nline 1\n/);
  assert.match(text, /line 49999\n/);
  const kept = Buffer.concat(chunks.map(chunkBytes)).length;
  assert.equal(kept + summary.cutBytes, summary.stdoutBytes + summary.stderrBytes);
});

test("a full disk does not end a run: what could not be kept is counted as cut", async (scope) => {
  const { clock, spool, output } = await makeOutput(scope);
  const append = spool.append.bind(spool);
  let isFull = true;
  spool.append = (chunk) => {
    if (isFull) throw new Error("ENOSPC");
    append(chunk);
  };
  output.write("stdout", Buffer.from("lost"));
  clock.advance(50);
  isFull = false;
  output.write("stdout", Buffer.from("kept"));
  const summary = output.end();
  assert.equal(summary.cutBytes, 4);
  assert.deepEqual(
    readAll(spool).map((chunk) => chunk.cut ?? chunk.text),
    [4, "kept"],
  );
});

test("a spool is read again from any chunk, also after a restart and after confirmations", async (scope) => {
  const path = join(await makeTempDir(scope), "spool");
  const spool = Spool.create(path);
  for (let index = 0; index < 500; index++) spool.append({ stream: "stdout", at: 0, text: "x".repeat(1000) });
  spool.close();
  for (const reader of [spool, Spool.reopen(path)]) {
    assert.equal(reader.lastSeq, 499);
    for (const after of [-1, 0, 63, 250, 498]) assert.equal(reader.read(after)[0]?.seq, after + 1);
    assert.deepEqual(reader.read(499), []);
    const first = reader.read(-1).at(-1)?.seq ?? 0;
    reader.confirm(first);
    assert.equal(reader.read(first)[0]?.seq, first + 1);
    assert.equal(reader.read(10)[0]?.seq, 11, "even what was confirmed can be read");
  }
});

test("a spool whose last line was torn goes on after the last whole one", async (scope) => {
  const path = join(await makeTempDir(scope), "spool");
  const spool = Spool.create(path);
  spool.append({ stream: "stdout", at: 0, text: "whole" });
  spool.close();
  const fd = openSync(path, "a");
  appendFileSync(fd, '{"seq":1,"stream":"stdout","at":0,"text":"ha');
  closeSync(fd);
  const again = Spool.reopen(path);
  assert.equal(again.lastSeq, 0);
  again.append({ stream: "stdout", at: 0, text: "next" });
  assert.deepEqual(
    readAll(again).map((chunk) => chunk.text),
    ["whole", "next"],
  );
  again.remove();
});

test("a chunk larger than the read buffer is read whole", async (scope) => {
  const spool = Spool.create(join(await makeTempDir(scope), "spool"));
  spool.append({ stream: "stdout", at: 0, text: "\u0001".repeat(32 * 1024) });
  spool.append({ stream: "stdout", at: 0, text: "b" });
  assert.deepEqual(
    readAll(spool).map((chunk) => chunk.text?.length),
    [32 * 1024, 1],
  );
  spool.remove();
});
