import assert from "node:assert/strict";
import { test } from "node:test";
import { OutputSanitizer, sanitizeLine } from "./sanitize.ts";

/** Whole and cut at every place: the result must be the same. */
function cleanEverywhere(text: string, styles: boolean): string {
  const whole = new OutputSanitizer({ styles }).clean(text);
  for (let cut = 0; cut <= text.length; cut++) {
    const sanitizer = new OutputSanitizer({ styles });
    assert.equal(sanitizer.clean(text.slice(0, cut)) + sanitizer.clean(text.slice(cut)), whole, `cut at ${cut}`);
  }
  return whole;
}

test("a name shows its control characters instead of obeying them", () => {
  assert.equal(sanitizeLine("web\x1b[2J\x07\r\nx\ty"), "web\\x1b[2J\\x07\\x0d\\nx y");
  assert.equal(sanitizeLine("a\u202eb\u009bc\u2028d"), "a\\u202eb\\x9bc\\u2028d");
  assert.equal(sanitizeLine("数据库-1 🚀 é"), "数据库-1 🚀 é");
});

test("text, newlines, tabs and carriage returns of an output pass", () => {
  assert.equal(cleanEverywhere("a\tb\r\nc é 数 🚀\n", false), "a\tb\r\nc é 数 🚀\n");
});

test("colours pass where somebody looks and are dropped where nobody does", () => {
  const text = "\x1b[1;31mred\x1b[0m \x1b[38:5:200mpink\x1b[m";
  assert.equal(cleanEverywhere(text, true), text);
  assert.equal(cleanEverywhere(text, false), "red pink");
});

test("sequences that move, clear, retitle or write the clipboard are dropped with their contents", () => {
  for (const attack of [
    "\x1b[2J",
    "\x1b[10;10H",
    "\x1b[?1049h",
    "\x1b[6n",
    "\x1b]0;title\x07",
    "\x1b]52;c;cm0gLXJm\x1b\\",
    "\x1b]8;;http://evil\x1b\\",
    "\x1bPq#0;2;0;0;0\x1b\\",
    "\x1b_payload\x1b\\",
    "\x1bc",
    "\x1b(0",
    "\x1b#8",
    "\x9b2J",
    "\x9d0;title\x9c",
    "\x08\x7f\x00\x0e",
    "\x1b[>4;2m",
    "\x1b[?25m",
  ]) {
    assert.equal(cleanEverywhere(`a${attack}b`, true), "ab", JSON.stringify(attack));
  }
});

test("a sequence that never ends takes no visible text of the lines after it for long", () => {
  const endless = `\x1b[${"1;".repeat(400)}`;
  const clean = new OutputSanitizer({ styles: true }).clean(`${endless}\nnext line\n`);
  assert.ok(clean.endsWith("\nnext line\n"));
  assert.equal(new OutputSanitizer({ styles: true }).clean("\x1b\nnext"), "\nnext");
});
