import assert from "node:assert/strict";
import { test } from "node:test";
import { type Column, renderFacts, renderTable } from "./table.ts";
import { displayWidth, pad, truncate } from "./width.ts";

interface Row {
  readonly name: string;
  readonly size: number;
}

const COLUMNS: readonly Column<Row>[] = [
  { title: "NAME", value: (row) => row.name, flexible: true },
  { title: "SIZE", value: (row) => String(row.size), align: "right" },
];

test("wide characters and emoji count two columns, marks none, styles nothing", () => {
  assert.equal(displayWidth("数据"), 4);
  assert.equal(displayWidth("한국어"), 6);
  assert.equal(displayWidth("🚀"), 2);
  assert.equal(displayWidth("👩‍👩‍👧"), 2);
  assert.equal(displayWidth("❤️"), 2);
  assert.equal(displayWidth("e\u0301"), 1);
  assert.equal(displayWidth("\u200b"), 0);
  assert.equal(displayWidth("\x1b[31mred\x1b[0m é"), 5);
  assert.equal(displayWidth("→ ·"), 3);
});

test("cutting never splits a character and says that something is missing", () => {
  assert.equal(truncate("数据库", 5), "数据…");
  assert.equal(truncate("数据库", 4), "数…");
  assert.equal(truncate("abc", 3), "abc");
  assert.equal(truncate("abc", 0), "");
  assert.equal(pad("数", 4), "数  ");
  assert.equal(pad("7", 3, "right"), "  7");
});

test("columns line up whatever is in them", () => {
  const lines = renderTable(
    COLUMNS,
    [
      { name: "数据库", size: 5 },
      { name: "a", size: 1234 },
    ],
    undefined,
  );
  assert.deepEqual(lines, ["NAME    SIZE", "数据库     5", "a       1234"]);
});

test("only flexible columns are shortened, and only for a terminal", () => {
  const rows = [{ name: "x".repeat(50), size: 1 }];
  assert.equal(renderTable(COLUMNS, rows, 30)[1], `${"x".repeat(23)}…     1`);
  assert.equal(renderTable(COLUMNS, rows, undefined)[1], `${"x".repeat(50)}     1`);
});

test("a name with escape sequences cannot break out of its cell", () => {
  const [, line] = renderTable(COLUMNS, [{ name: "a\x1b[2J\nb", size: 1 }], undefined);
  assert.equal(line, "a\\x1b[2J\\nb     1");
  assert.deepEqual(
    renderFacts([
      ["os", "x\x1b]0;y\x07"],
      ["arch", null],
    ]),
    ["os    x\\x1b]0;y\\x07", "arch  –"],
  );
});
