import assert from "node:assert/strict";
import { test } from "node:test";
import { MusterError } from "@muster/core";
import { findSpan, isOutdated, readFault } from "./input-fault.ts";

test("a refusal is read with its place, and nonsense in it is none", () => {
  const error = new MusterError("invalid_argument", "no value", {
    reason: "datakit.invalidConfig",
    line: 2,
    column: 7,
  });
  const fault = readFault(error);
  assert.deepEqual(
    [fault.line, fault.column, fault.message, fault.isUnknown, isOutdated(fault)],
    [2, 7, "no value", false, false],
  );
  const odd = readFault(new MusterError("invalid_argument", "?", { line: "2", column: -1 }));
  assert.deepEqual([odd.line, odd.column], [undefined, undefined]);
  assert.ok(isOutdated(readFault(new MusterError("conflict", "late", { reason: "dataway.outdatedRevision" }))));
  const twin = new MusterError("conflict", "twice", { reason: "dataway.duplicateInput", inputId: "dkinput_1" });
  assert.equal(readFault(twin).twinId, "dkinput_1");
  assert.ok(readFault(new MusterError("deadline_exceeded", "silent", { outcome: "unknown" })).isUnknown);
});

test("a place becomes what is underlined, whatever the text has become meanwhile", () => {
  const text = "[[inputs.cpu]]\n  a = \n  interval = 10\n";
  const under = (line: number, column?: number) => {
    const { from, to } = findSpan(text, line, column);
    return text.slice(from, to);
  };
  assert.equal(under(3, 14), "10");
  assert.equal(under(2, 7), "a =", "what is missing at the end shows the line");
  assert.equal(under(1), "[[inputs.cpu]]");
  assert.equal(under(99, 99), "");
  assert.deepEqual(findSpan("", 1, 1), { from: 0, to: 0 });
});
