import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { makeTempDir, type Scope, waitUntil } from "@muster/testing";
import { tryKind } from "../../shared/kinds-for-test.ts";
import { ServiceTrouble } from "../failure.ts";
import { makeRandom, mutateText } from "../fakes-for-test.ts";
import { exec } from "./exec.ts";
import { EXEC_FORMATS, readOutput } from "./formats.ts";

const shell = (text: string) => ["/bin/sh", "-c", text];

async function runOnce(scope: Scope, options: Readonly<Record<string, unknown>>) {
  const trial = await tryKind(scope, exec, { options });
  await trial.collect();
  const rows = trial.points.map(({ measurement, tags, fields }) => ({ measurement, ...tags, ...fields }));
  return { rows, points: trial.points, trouble: trial.troubles.at(-1) };
}

test("line protocol, with times and types of its own", async (context) => {
  const { rows, points, trouble } = await runOnce(context, {
    command: shell("echo 'a,x=1 f=1.5,i=2i,s=\"t\" 1700000000000000000'; echo 'b value=3'"),
  });
  assert.deepEqual(rows, [
    { measurement: "a", x: "1", f: 1.5, i: 2n, s: "t" },
    { measurement: "b", value: 3 },
  ]);
  assert.equal(points[0]?.timeNs, 1_700_000_000_000_000_000n);
  assert.equal(trouble, null);
});

test("JSON: objects and lists, inner keys joined, tags and texts only when named", async (context) => {
  const json = JSON.stringify([
    { name: "a", up: true, load: { one: 1, list: [5] }, note: "n", version: "1.2" },
    { name: "b" },
  ]);
  const { rows } = await runOnce(context, {
    command: ["/bin/echo", json],
    data_format: "json",
    measurement_name: "app",
    tag_keys: ["name"],
    json_string_fields: ["version"],
  });
  assert.deepEqual(rows, [{ measurement: "app", name: "a", up: true, load_one: 1, load_list_0: 5, version: "1.2" }]);
});

test("one value, of the type that was asked for", async (context) => {
  const value = async (printed: string, data_type: string) => {
    const options = { command: ["/bin/echo", printed], data_format: "value", data_type };
    const { rows, trouble } = await runOnce(context, options);
    return rows[0] && "value" in rows[0] ? rows[0].value : trouble;
  };
  assert.equal(await value("noise\n 4.5", "float"), 4.5);
  assert.equal(await value("12", "integer"), 12n);
  assert.equal(await value("up", "string"), "up");
  assert.equal(await value("up", "float"), '"up" is no float');
});

test("a Nagios plugin: its state, its message and its performance data", async (context) => {
  const { rows } = await runOnce(context, {
    command: shell("echo \"DISK WARNING - 90% | '/var log'=90%;80:;95;0;100 time=0.5s\"; exit 1"),
    data_format: "nagios",
    measurement_name: "disk_plugin",
  });
  assert.deepEqual(rows, [
    { measurement: "disk_plugin_state", state: 1n, message: "DISK WARNING - 90%" },
    { measurement: "disk_plugin", perfdata: "/var log", unit: "%", value: 90, critical: 95, min: 0, max: 100 },
    { measurement: "disk_plugin", perfdata: "time", unit: "s", value: 0.5 },
  ]);
});

test("no output makes a reader throw anything but its trouble, or read for long", () => {
  const random = makeRandom(15);
  const texts = {
    json: '[{"a":1,"b":{"c":[true,"x"]},"n":"s"}]',
    value: " 12.5e3\n",
    nagios: "OK - fine | 'a b'=1.5s;2;3;0;9 c=7%\nmore | d=1e3",
    influx: 'a,b=c d=1i,e="f" 1700000000',
  };
  const given = { measurement_name: "m", tag_keys: ["n"], json_string_fields: [], data_type: "float" } as const;
  for (let round = 0; round < 4000; round++) {
    const format = EXEC_FORMATS[round % EXEC_FORMATS.length] ?? "json";
    let output: string = texts[format];
    for (let change = 0; change <= random(4); change++)
      output = mutateText(output, random, "{}[],:\"'|=;% \n1.e\u0000");
    readOrTrouble({ output, exitCode: 0, timeNs: 1n }, { ...given, data_format: format });
  }
  const startedAt = performance.now();
  for (const piece of ["'", "a", "1", "=", ";", "|", "'a'", "a=1 "]) {
    const output = `x | ${piece.repeat(1_000_000 / piece.length)}`;
    for (const format of ["nagios", "value"] as const)
      readOrTrouble({ output, exitCode: 0, timeNs: 1n }, { ...given, data_format: format });
  }
  assert.ok(performance.now() - startedAt < 10_000);
});

function readOrTrouble(...words: Parameters<typeof readOutput>): void {
  try {
    readOutput(...words);
  } catch (error) {
    assert.ok(error instanceof ServiceTrouble, String(error));
  }
}

test("what goes wrong is told in one line, without what the environment holds", async (context) => {
  const tell = async (options: Readonly<Record<string, unknown>>) => (await runOnce(context, options)).trouble ?? "";
  const environment = { TOKEN: "hunter22" };
  const failing = shell('echo "no entry for $TOKEN" >&2; exit 3');
  assert.equal(await tell({ command: failing, environment }), "/bin/sh ended with 3: no entry for ********");
  assert.equal(await tell({ command: ["/nonexistent/program"] }), "there is no program /nonexistent/program");
  assert.match(await tell({ command: ["/bin/echo", "what is this"] }), /^the output is no line protocol: line 1/);
  assert.equal(await tell({ command: ["/bin/echo", "{"], data_format: "json" }), "the output is no JSON");
  const endless = { command: shell("while :; do echo xxxxxxxxxxxxxxxxxxxx; done"), max_output: 2000 };
  assert.equal(await tell(endless), "/bin/sh wrote more than 2000 bytes");
});

test("after its time it is ended with its children, even those that left the group or do not listen", async (context) => {
  const folder = await makeTempDir(context);
  const script = join(folder, "slow.sh");
  await writeFile(
    script,
    `trap '' TERM\nsetsid sleep 300 & echo $! > ${folder}/child\necho $$ > ${folder}/self\nsleep 300\nsleep 300\n`,
  );
  const { trouble } = await runOnce(context, { command: ["/bin/sh", script], timeout: "500ms" });
  assert.equal(trouble, "/bin/sh ran longer than 0.5 s and was ended");
  const pids = ["self", "child"].map((name) => readFileSync(join(folder, name), "utf8").trim());
  const isGone = (pid: string) =>
    !existsSync(`/proc/${pid}`) || readFileSync(`/proc/${pid}/stat`, "utf8").includes(") Z ");
  await waitUntil("an end of all", () => pids.every(isGone));
});

test("it sees none of the agent's own environment", async (context) => {
  const { rows } = await runOnce(context, {
    command: shell('printf "%s" "$(env | cut -d= -f1 | sort | tr "\\n" " ")"'),
    data_format: "value",
    data_type: "string",
    environment: { LEVEL: "2" },
  });
  const seen = String((rows[0] as { value?: unknown } | undefined)?.value).split(" ");
  const known = ["HOME", "LANG", "LC_ALL", "LEVEL", "MUSTER_RUN_ID", "OLDPWD", "PATH", "PWD", "SHLVL", "_"];
  assert.deepEqual(
    seen.filter((name) => !known.includes(name)),
    [],
  );
});
