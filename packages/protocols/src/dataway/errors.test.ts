import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { MusterError } from "@muster/core";
import { DATAWAY_ERRORS, deriveCode, failureOfWords, fromMusterError, isErrorCode, makeFailure } from "./index.ts";

test("codes are made of words as the originals make them", () => {
  assert.equal(deriveCode("kodo", "token not found"), "kodo.tokenNotFound");
  assert.equal(deriveCode("datakit", "input not found"), "datakit.inputNotFound");
  assert.equal(deriveCode("datakit", "HTTP read error"), "datakit.HTTPReadError");
  assert.equal(deriveCode("datakit", "  invalid-config "), "datakit.invalidConfig");
});

test("every code of the catalogue has the form and a status of an error", () => {
  for (const [code, [status, meaning]] of Object.entries(DATAWAY_ERRORS)) {
    assert.ok(isErrorCode(code), code);
    assert.ok(status >= 400 && status <= 599 && meaning.length > 10, code);
  }
});

test("an input's failure goes out with its code, its status and its place", () => {
  const details = { reason: "datakit.invalidConfig", status: 400, line: 3, column: 7, input: "cpu" };
  assert.deepEqual(fromMusterError(new MusterError("invalid_argument", "no", details)), {
    code: "datakit.invalidConfig",
    status: 400,
    msg: "no",
    line: 3,
    column: 7,
  });
});

test("other failures are told by what they are, and internal ones not at all", () => {
  const tell = (error: unknown) => {
    const { code, status } = fromMusterError(error);
    return [code, status];
  };
  assert.deepEqual(tell(new MusterError("not_found", "x")), ["dataway.datakitNotFound", 404]);
  assert.deepEqual(tell(new MusterError("unavailable", "x", { reason: "offline" })), ["dataway.datakitNotFound", 404]);
  assert.deepEqual(tell(new MusterError("unavailable", "x", { reason: "lost" })), ["dataway.connectionLost", 502]);
  assert.deepEqual(tell(new MusterError("deadline_exceeded", "x")), ["dataway.timeout", 504]);
  assert.deepEqual(tell(new MusterError("already_exists", "x")), ["dataway.duplicateInput", 409]);
  const odd = new MusterError("conflict", "x", { reason: "datakit.made Up", status: 200 });
  assert.deepEqual(tell(odd), ["dataway.conflict", 409]);
  for (const error of [new Error("secret"), new MusterError("internal", "secret"), null]) {
    assert.deepEqual(fromMusterError(error), { code: "dataway.internalError", status: 500, msg: "internal error" });
  }
});

test("the words of DataKits without codes are understood", () => {
  const codeOf = (words: string) => failureOfWords(words).code;
  assert.equal(codeOf("unknow type foo"), "datakit.notSupported");
  assert.equal(codeOf("input cpu not enable"), "datakit.inputNotEnabled");
  assert.equal(codeOf("input xxx not exist"), "datakit.inputNotFound");
  assert.equal(codeOf("config cpu-242c.conf is exist"), "dataway.duplicateInput");
  assert.equal(codeOf("cannot set same config"), "dataway.duplicateInput");
  assert.deepEqual(failureOfWords("line 3: bad key"), {
    ...makeFailure("datakit.invalidConfig", "line 3: bad key"),
    line: 3,
  });
  assert.equal(failureOfWords("").message, "the DataKit refused without a reason");
});

test("the catalogue is the one that is documented", () => {
  const page = readFileSync(new URL("../../../../docs/protocols/dataway.md", import.meta.url), "utf8");
  const rows = [...page.matchAll(/^\| `((?:dataway|datakit)\.\w+)`\s*\| (\d{3})\s*\| (.*?)\s*\|$/gm)];
  const documented = rows.map(([, code, status, meaning]) => [code, Number(status), meaning]);
  const known = Object.entries(DATAWAY_ERRORS).map(([code, [status, meaning]]) => [code, status, meaning]);
  assert.deepEqual(documented, known);
});
