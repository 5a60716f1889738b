import assert from "node:assert/strict";
import { test } from "node:test";
import { Terminal } from "../terminal/terminal.ts";
import { makeChunk, makeRun, RecordingSink } from "../test-fixtures.ts";
import { JsonPrinter, PlainPrinter, PrefixedPrinter } from "./printers.ts";

function setUp(isTTY = false) {
  const stdout = new RecordingSink(isTTY);
  const stderr = new RecordingSink(isTTY);
  return { stdout, stderr, terminal: new Terminal({ stdout, stderr, environment: {} }) };
}

const web = makeRun({ id: "1", agentName: "web-1" });
const db = makeRun({ id: "2", agentName: "database-1" });

test("lines of several hosts are merged whole, with the name before each and ! for stderr", () => {
  const { stdout, stderr, terminal } = setUp();
  const printer = new PrefixedPrinter(terminal, ["web-1", "database-1"]);
  printer.print(web, makeChunk(0, "one\ntw"));
  printer.print(db, makeChunk(0, "first\n"));
  printer.print(web, makeChunk(1, "oops\n", "stderr"));
  printer.print(web, makeChunk(2, "o\nthree"));
  printer.end(web);
  printer.end(db);
  assert.equal(stdout.text, "web-1      | one\ndatabase-1 | first\nweb-1      | two\nweb-1      | three\n");
  assert.equal(stderr.text, "web-1      ! oops\n");
});

test("a progress bar is shown as its last state, and an open colour ends with its line", () => {
  const { stdout, terminal } = setUp(true);
  const printer = new PrefixedPrinter(terminal, ["web-1"]);
  printer.print(web, makeChunk(0, "10%\r50%\r\x1b[32m100%\r\n"));
  assert.ok(stdout.text.endsWith("web-1 |\x1b[0m \x1b[32m100%\x1b[0m\n"), stdout.text);
});

test("a name cannot forge a line and a long one is shortened", () => {
  const { stdout, terminal } = setUp();
  const run = makeRun({ agentName: `evil\nweb-1 | ok${"x".repeat(40)}` });
  new PrefixedPrinter(terminal, [run.agentName]).print(run, makeChunk(0, "x\n"));
  assert.equal(stdout.text, "evil\\nweb-1 | okxxxxxxx… | x\n");
});

test("one host's output is ours: stdout to stdout, stderr to stderr, nothing added", () => {
  const { stdout, stderr, terminal } = setUp();
  const printer = new PlainPrinter(terminal, { raw: false });
  printer.print(web, makeChunk(0, "no newline \x1b[31mred"));
  printer.print(web, makeChunk(1, "e", "stderr"));
  assert.equal(stdout.text, "no newline red");
  assert.equal(stderr.text, "e");
});

test("bytes that are no UTF-8 are shown as such, and a character cut in two is put together", () => {
  const { stdout, terminal } = setUp();
  const printer = new PlainPrinter(terminal, { raw: false });
  const bytes = Buffer.from("é");
  const chunk = (seq: number, part: Buffer) => ({
    seq,
    stream: "stdout" as const,
    at: "2026-01-01T00:00:00.000Z",
    base64: part.toString("base64"),
  });
  printer.print(web, chunk(0, bytes.subarray(0, 1)));
  printer.print(web, chunk(1, bytes.subarray(1)));
  printer.print(web, chunk(2, Buffer.from([0xff])));
  assert.equal(stdout.text, "é\ufffd");
});

test("raw output is the bytes themselves", () => {
  const written: (string | Uint8Array)[] = [];
  const sink = { write: (text: string | Uint8Array) => written.push(text) };
  const printer = new PlainPrinter(new Terminal({ stdout: sink, stderr: sink, environment: {} }), { raw: true });
  printer.print(web, { seq: 0, stream: "stdout", at: "2026-01-01T00:00:00.000Z", base64: "/wCb" });
  assert.deepEqual(Buffer.from(written[0] as Uint8Array), Buffer.from([0xff, 0x00, 0x9b]));
});

test("what was left out in the middle is said", () => {
  const { stdout, terminal } = setUp();
  const chunk = { seq: 1, stream: "stdout" as const, at: "2026-01-01T00:00:00.000Z", cutBytes: 3 * 1024 * 1024 };
  new PlainPrinter(terminal, { raw: false }).print(web, chunk);
  assert.equal(stdout.text, "\n[… 3.0 MiB left out …]\n");
});

test("programs get one object per line", () => {
  const { stdout, terminal } = setUp();
  const printer = new JsonPrinter(terminal);
  printer.print(web, makeChunk(0, "x\x1b[2J"));
  printer.end(web);
  const [output, run] = stdout.text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  assert.equal(output?.event, "output");
  assert.equal(output?.text, "x\x1b[2J");
  assert.deepEqual(run, { event: "run", run: web });
});
