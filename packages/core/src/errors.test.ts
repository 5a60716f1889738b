import assert from "node:assert/strict";
import { test } from "node:test";
import { hasCode, isMusterError, MusterError, toMusterError } from "./errors.ts";

test("an error of another copy of the class is recognised, so that programs bundled apart understand each other", async () => {
  const copy = (await import(`${new URL("./errors.ts", import.meta.url).href}?copy`)) as {
    MusterError: typeof MusterError;
  };
  const foreign = new copy.MusterError("invalid_argument", "no such flag");
  assert.equal(foreign instanceof MusterError, false);
  assert.equal(hasCode(foreign, "invalid_argument"), true);
  assert.equal(toMusterError(foreign), foreign);
});

test("what merely looks like one is internal, and its text is only the cause", () => {
  const odd = Object.assign(new Error("secret path"), { name: "MusterError", code: "ENOENT" });
  assert.equal(isMusterError(odd), false);
  const error = toMusterError(odd);
  assert.deepEqual([error.code, error.message, error.cause], ["internal", "internal error", odd]);
});
