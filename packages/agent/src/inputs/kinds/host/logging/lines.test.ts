import assert from "node:assert/strict";
import { test } from "node:test";
import { CUT_MARK, type Line, LineSplitter, RecordAssembler, startOfLastLine } from "./lines.ts";
import { findStatus } from "./status.ts";

interface Split {
  readonly encoding?: string;
  readonly maxBytes?: number;
  readonly piece?: number;
  readonly at?: number;
  readonly skipping?: boolean;
}

/** Splits bytes in pieces of a size. */
function split(
  bytes: Buffer,
  { encoding = "utf-8", maxBytes = 1000, piece = bytes.length, at = 0, skipping = false }: Split = {},
) {
  const splitter = new LineSplitter({ encoding, maxBytes }, at, skipping);
  const lines: Line[] = [];
  for (let from = 0; from < bytes.length; from += piece)
    splitter.push(bytes.subarray(from, from + piece), (line) => lines.push(line));
  const rest = splitter.flush();
  return { lines, rest, texts: lines.map((line) => line.text), ends: lines.map((line) => line.end) };
}

test("lines are the same in whatever pieces the bytes come", () => {
  const bytes = Buffer.from("one\r\n\n\u00fcn\u00ef\u20ac\ud83d\ude00 two\nrest");
  for (let piece = 1; piece <= bytes.length; piece++) {
    const { texts, ends, rest } = split(bytes, { piece, at: 100 });
    assert.deepEqual(texts, ["one", "", "\u00fcn\u00ef\u20ac\ud83d\ude00 two"], `pieces of ${piece}`);
    assert.deepEqual(ends, [105, 106, 123]);
    assert.deepEqual([rest?.text, rest?.end], ["rest", 127]);
  }
});

test("GBK and both UTF-16 are read, and a newline's byte inside a character of UTF-16 is none", () => {
  assert.deepEqual(split(Buffer.from("d6d0b9fa0ab2e2cad40d0a", "hex"), { encoding: "gbk", piece: 3 }).texts, [
    "\u4e2d\u56fd",
    "\u6d4b\u8bd5",
  ]);
  const wide = Buffer.from("\ufeffa\u0a0a\u010a\u0a01b\nnext\n", "utf16le");
  assert.deepEqual(split(wide, { encoding: "utf-16le", piece: 2 }).texts, ["a\u0a0a\u010a\u0a01b", "next"]);
  assert.deepEqual(split(Buffer.from(wide).swap16(), { encoding: "utf-16be", piece: 6 }).texts, [
    "a\u0a0a\u010a\u0a01b",
    "next",
  ]);
});

test("the start of the last line is found in every encoding", () => {
  assert.equal(startOfLastLine(Buffer.from("one\ntwo"), "utf-8"), 4);
  assert.equal(startOfLastLine(Buffer.from("one\n"), "utf-8"), 4);
  assert.equal(startOfLastLine(Buffer.from("one"), "utf-8"), 0);
  const wide = Buffer.from("a\n\u0a0a\u000b", "utf16le");
  assert.equal(startOfLastLine(wide, "utf-16le"), 4);
  assert.equal(startOfLastLine(Buffer.from(wide).swap16(), "utf-16be"), 4);
  assert.equal(startOfLastLine(Buffer.from("\u0a00\u000a".slice(0, 1), "utf16le"), "utf-16le"), 0);
});

test("the mark of order at the start of a file is no text", () => {
  assert.deepEqual(split(Buffer.from("\ufefffirst\nsecond\n"), { piece: 2 }).texts, ["first", "second"]);
});

test("bytes that are no text become marks, and positions stay exact", () => {
  const { texts, ends } = split(Buffer.from([0xff, 0xfe, 0x41, 0x0a, 0x42, 0x0a]));
  assert.deepEqual(texts, ["\ufffd\ufffdA", "B"]);
  assert.deepEqual(ends, [4, 6]);
});

test("a line that is too long is cut at a character, told once and passed over up to its end", () => {
  const bytes = Buffer.from(`${"\u20ac".repeat(10)}\nnext\n`);
  for (const piece of [1, 4, 7, bytes.length]) {
    const { texts } = split(bytes, { maxBytes: 10, piece });
    assert.deepEqual(texts, [`\u20ac\u20ac\u20ac${CUT_MARK}`, "next"], `pieces of ${piece}`);
  }
  const { lines } = split(Buffer.from("x".repeat(25)), { maxBytes: 10, piece: 11 });
  assert.deepEqual(lines, [{ text: `${"x".repeat(10)}${CUT_MARK}`, end: 11, open: true }]);
  assert.deepEqual(split(Buffer.from("rest of it\nnext\n"), { skipping: true, piece: 3 }).texts, ["next"]);
});

test("a record begins where its first line matches, and waits for the next one", () => {
  const assembler = new RecordAssembler({ start: /^\d/, maxLength: 1000 });
  const add = (text: string, end: number) => assembler.add({ text, end, open: false });
  assert.equal(add("  lost its head", 5), undefined);
  assert.deepEqual(add("1 failed", 10), { text: "  lost its head", end: 5, open: false });
  assert.equal(add("  at here", 20), undefined);
  assert.deepEqual(add("2 fine", 30), { text: "1 failed\n  at here", end: 20, open: false });
  assert.equal(assembler.hasPartial, true);
  assert.deepEqual(assembler.flush(), { text: "2 fine", end: 30, open: false });
  assert.equal(assembler.flush(), undefined);
});

test("a record that is too long is cut between lines and goes on to its end", () => {
  const assembler = new RecordAssembler({ start: /^start/, maxLength: 20 });
  const lines = ["start", "123456789", "123456789", "123456789"];
  for (const [index, text] of lines.entries()) assembler.add({ text, end: index + 1, open: false });
  assert.deepEqual(assembler.flush(), { text: `start\n123456789\n${CUT_MARK.trim()}`, end: 4, open: false });
});

test("levels are found where programs write them, and not in prose", () => {
  const found: Readonly<Record<string, string | undefined>> = {
    "2026-01-01 10:00:00 ERROR boom": "error",
    "2026/01/01 [warn] 12#12: upstream": "warning",
    'time=x level=info msg="an error happened"': "info",
    '{"severity":"CRITICAL","message":"x"}': "critical",
    "<Notice> hello": "notice",
    "WARNING: low": "warning",
    "TRACE deep": "debug",
    "panic: no": undefined,
    "no error here": undefined,
    "INFORMED people": undefined,
    "": undefined,
  };
  for (const [text, status] of Object.entries(found)) assert.equal(findStatus(text), status, text);
  assert.equal(findStatus(`${"x".repeat(400)} ERROR`), undefined);
});
