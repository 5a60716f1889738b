import assert from "node:assert/strict";
import { test } from "node:test";
import { RecordingSink } from "../test-fixtures.ts";
import { wantsColours } from "./style.ts";
import { Terminal } from "./terminal.ts";

function setUp(isTTY: boolean, environment: Record<string, string> = {}) {
  const stdout = new RecordingSink(isTTY);
  const stderr = new RecordingSink(isTTY);
  return { stdout, stderr, terminal: new Terminal({ stdout, stderr, environment }) };
}

test("colours are for terminals, and NO_COLOR, FORCE_COLOR and TERM=dumb are obeyed in this order", () => {
  assert.equal(wantsColours({}, true), true);
  assert.equal(wantsColours({}, false), false);
  assert.equal(wantsColours({ NO_COLOR: "1", FORCE_COLOR: "1" }, true), false);
  assert.equal(wantsColours({ NO_COLOR: "" }, true), true);
  assert.equal(wantsColours({ FORCE_COLOR: "1" }, false), true);
  assert.equal(wantsColours({ FORCE_COLOR: "0" }, true), false);
  assert.equal(wantsColours({ TERM: "dumb" }, true), false);
});

test("a name always has the same colour", () => {
  const { terminal } = setUp(true);
  assert.equal(terminal.style.named("web-1", "x"), terminal.style.named("web-1", "x"));
  assert.ok(terminal.style.named("web-1", "x").endsWith("mx\x1b[0m"));
});

test("the status line steps aside for every line and comes back", () => {
  const { stdout, stderr, terminal } = setUp(true, { NO_COLOR: "1" });
  terminal.setStatus("1/2");
  terminal.line("out");
  terminal.setStatus("2/2");
  terminal.setStatus("");
  assert.equal(stdout.text, "out\n");
  assert.equal(stderr.text, "1/2\r\x1b[K1/2\r\x1b[K2/2\r\x1b[K");
});

test("the status line waits while a line is unfinished, so that it overwrites nothing", () => {
  const { stderr, terminal } = setUp(true, { NO_COLOR: "1" });
  terminal.write("half");
  terminal.setStatus("1/2");
  assert.equal(stderr.text, "");
  terminal.write(" done\n");
  assert.equal(stderr.text, "1/2");
});

test("without a terminal there is no status line", () => {
  const { stderr, terminal } = setUp(false);
  terminal.setStatus("1/2");
  terminal.line("out");
  assert.equal(stderr.text, "");
});
