import assert from "node:assert/strict";
import { test } from "node:test";
import type { OutputChunk } from "@muster/core/resources";
import { OutputLines } from "./output-lines.ts";

const at = "2026-01-01T00:00:00.000Z";
const chunk = (seq: number, text: string, stream: "stdout" | "stderr" = "stdout"): OutputChunk => ({
  seq,
  stream,
  at,
  text,
});
const texts = (output: OutputLines) => output.lines.map((line) => line.text);

test("a line that arrives in pieces is one line", () => {
  const output = new OutputLines();
  output.push("r", [chunk(0, "hel"), chunk(1, "lo\nwor"), chunk(2, "ld\n\nend")]);
  assert.deepEqual(texts(output), ["hello", "world", "", "end"]);
});

test("streams and runs that write at the same time do not share a line", () => {
  const output = new OutputLines();
  output.push("a", [chunk(0, "out"), chunk(1, "err", "stderr"), chunk(2, "put\n"), chunk(3, "or\n", "stderr")]);
  output.push("b", [chunk(0, "other\n")]);
  assert.deepEqual(texts(output), ["output", "error", "other"]);
});

test("chunks that come again after a reconnect are shown once", () => {
  const output = new OutputLines();
  output.push("r", [chunk(0, "one\n"), chunk(1, "two\n")]);
  output.push("r", [chunk(0, "one\n"), chunk(1, "two\n"), chunk(2, "three\n")]);
  assert.deepEqual(texts(output), ["one", "two", "three"]);
});

test("a carriage return starts the line again, and ends no line before a newline", () => {
  const output = new OutputLines();
  output.push("r", [chunk(0, "10%\r20%"), chunk(1, "\r30%\r\ndone\r\n")]);
  assert.deepEqual(texts(output), ["30%", "done"]);
});

test("a megabyte without a newline becomes lines that can be scrolled", () => {
  const output = new OutputLines();
  output.push("r", [chunk(0, "x".repeat(1_000_000))]);
  assert.equal(output.lines.length, 250);
  assert.equal(texts(output).join("").length, 1_000_000);
});

test("only so many lines are held, and the forgotten ones are counted", () => {
  const output = new OutputLines(100);
  for (let index = 0; index < 1000; index++) output.push("r", [chunk(index, `line ${index}\n`)]);
  assert.ok(output.lines.length <= 110);
  assert.equal(output.forgotten + output.lines.length, 1000);
  assert.equal(output.lines.at(-1)?.text, "line 999");
  assert.equal(output.lines.at(-1)?.number, 999);
});

test("what the server left out is a line of its own that says how much", () => {
  const output = new OutputLines();
  output.push("r", [chunk(0, "start"), { seq: 1, stream: "stdout", at, cutBytes: 5000 }, chunk(2, "end\n")]);
  assert.deepEqual(
    output.lines.map((line) => line.cutBytes ?? line.text),
    ["start", 5000, "end"],
  );
});

test("bytes that are no text are shown with marks", () => {
  const output = new OutputLines();
  output.push("r", [{ seq: 0, stream: "stdout", at, base64: btoa("a\u00ffb\n") }]);
  assert.deepEqual(texts(output), ["a\ufffdb"]);
});
