import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { runCli } from "../main.ts";
import { makeHost } from "../test-fixtures.ts";

async function scriptOf(shell: string): Promise<string> {
  const host = makeHost();
  assert.equal(await runCli(host, ["completion", shell]), 0);
  return host.stdout.text;
}

/** What bash itself would offer after these words. */
function offers(script: string, words: readonly string[]): string[] {
  const program = `${script}
COMP_WORDS=(${words.map((word) => `'${word}'`).join(" ")}); COMP_CWORD=$((\${#COMP_WORDS[@]}-1)); _muster; printf '%s\\n' "\${COMPREPLY[@]}"`;
  return execFileSync("bash", ["--norc", "-c", program], { encoding: "utf8" }).trim().split("\n");
}

test("bash offers the words and flags that may follow, at every depth", async () => {
  const script = await scriptOf("bash");
  assert.deepEqual(offers(script, ["muster", "ag"]).sort(), ["agent", "agents"]);
  assert.ok(offers(script, ["muster", ""]).includes("doctor"));
  assert.deepEqual(offers(script, ["muster", "agents", "la"]), ["label"]);
  assert.ok(offers(script, ["muster", "exec", "--failure"]).includes("--failure-budget"));
  assert.deepEqual(offers(script, ["muster", "exec", "--all", "--", "rm"]), [""]);
});

test("every shell gets a script that names every command", async () => {
  for (const shell of ["bash", "zsh", "fish"]) {
    const script = await scriptOf(shell);
    for (const word of ["up", "exec", "doctor", "enroll", "completion", "failure-budget"]) {
      assert.ok(script.includes(word), `${shell} misses ${word}`);
    }
  }
});

test("a shell that nobody knows is a mistake", async () => {
  assert.equal(await runCli(makeHost(), ["completion", "dos"]), 2);
});
