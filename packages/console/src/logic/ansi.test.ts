import assert from "node:assert/strict";
import { test } from "node:test";
import { ANSI_START, type AnsiSpan, parseAnsi, toCssColor } from "./ansi.ts";

const read = (text: string) => parseAnsi(text, ANSI_START).spans;
const join = (spans: readonly AnsiSpan[]) => spans.map((span) => span.text).join("");

test("colours and weights become styles of spans", () => {
  assert.deepEqual(read("a\u001b[1;31mb\u001b[0mc"), [
    { text: "a", style: {} },
    { text: "b", style: { bold: true, foreground: { palette: 1 } } },
    { text: "c", style: {} },
  ]);
  assert.deepEqual(read("\u001b[38;5;208mx")[0]?.style, { foreground: { palette: 208 } });
  assert.deepEqual(read("\u001b[48;2;1;2;3mx")[0]?.style, { background: { rgb: [1, 2, 3] } });
  assert.deepEqual(read("\u001b[97;44mx\u001b[39;49my")[1]?.style, {});
});

test("what a terminal would obey besides colours is dropped", () => {
  assert.equal(join(read("a\u001b[2J\u001b[10;10Hb")), "ab");
  assert.equal(join(read("a\u001b]0;a title\u0007b")), "ab");
  assert.equal(join(read("a\u001b]8;;http://evil\u001b\\link\u001b]8;;\u001b\\b")), "alinkb");
  assert.equal(join(read("bell\u0007 back\u0008 null\u0000 c1\u009b")), "bell back null c1");
  assert.equal(join(read("tab\tand\nnewline")), "tab\tand\nnewline");
});

test("markup stays text", () => {
  assert.equal(join(read("<script>alert(1)</script>")), "<script>alert(1)</script>");
});

test("a sequence cut in two at any place reads as if it were whole", () => {
  const text = "plain \u001b[1;38;5;120mgreen\u001b[0m \u001b]0;title\u0007end";
  const whole = read(text);
  for (let cut = 0; cut <= text.length; cut++) {
    const first = parseAnsi(text.slice(0, cut), ANSI_START);
    const second = parseAnsi(text.slice(cut), first.state);
    assert.equal(join([...first.spans, ...second.spans]), join(whole), `cut at ${cut}`);
    assert.deepEqual(second.spans.at(-1)?.style ?? {}, {}, `cut at ${cut}`);
  }
});

test("a sequence that never ends swallows no output", () => {
  const { spans } = parseAnsi(`\u001b]0;${"x".repeat(1000)}`, ANSI_START);
  assert.ok(join(spans).length >= 1000);
});

test("nonsense parameters change nothing", () => {
  assert.deepEqual(read("\u001b[38;5;999mx")[0]?.style, {});
  assert.deepEqual(read("\u001b[abcmx").at(-1)?.style, {});
});

test("palette colours map to CSS, the named ones to the theme", () => {
  assert.equal(toCssColor({ palette: 1 }), "var(--m-ansi-1)");
  assert.equal(toCssColor({ palette: 196 }), "rgb(255 0 0)");
  assert.equal(toCssColor({ palette: 255 }), "rgb(238 238 238)");
  assert.equal(toCssColor({ rgb: [1, 2, 3] }), "rgb(1 2 3)");
});
