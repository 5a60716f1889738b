import assert from "node:assert/strict";
import { test } from "node:test";
import { createReadableLog, readableLine } from "./readable-log.ts";

test("a line of the log becomes words, with the cause of a failure", () => {
  assert.equal(readableLine('{"level":40,"msg":"no disk"}\n'), "muster up: warning: no disk\n");
  assert.equal(
    readableLine('{"level":50,"msg":"a job failed","err":{"message":"locked"}}\n'),
    "muster up: error: a job failed: locked\n",
  );
  assert.equal(readableLine('{"level":30,"msg":"stopping"}\n'), "muster up: stopping\n");
});

test("what is no JSON passes as it is, and what was said already is left out", () => {
  const written: string[] = [];
  const log = createReadableLog((text) => written.push(text));
  log.write("plain\n");
  log.write('{"level":40,"code":"local_only","msg":"Only programs on this machine"}\n');
  assert.deepEqual(written, ["plain\n"]);
});
