import assert from "node:assert/strict";
import { test } from "node:test";
import { launchProcess } from "@muster/testing";
import { Telemetry } from "./telemetry.ts";

const READING = { name: "muster_test", help: "A test", type: "gauge", value: 7, labels: { kind: 'a "b"' } } as const;

test("readings come with their help and labels, and the process's own numbers follow", async (context) => {
  const telemetry = new Telemetry(() => [READING, { ...READING, value: 8, labels: {} }]);
  context.after(() => telemetry.close());
  const { body } = await telemetry.render();
  const text = String(body);
  assert.match(
    text,
    /^# HELP muster_test A test\n# TYPE muster_test gauge\nmuster_test\{kind="a \\"b\\""\} 7\nmuster_test 8\n/,
  );
  assert.match(text, /\nprocess_cpu_user_seconds_total /);
});

test("a process without a free descriptor still tells its numbers", async (context) => {
  const program = `
    import { openSync } from "node:fs";
    import { Telemetry } from ${JSON.stringify(new URL("./telemetry.ts", import.meta.url).href)};
    const telemetry = new Telemetry(() => [${JSON.stringify(READING)}]);
    await telemetry.render();
    let code = "";
    while (code === "") try { openSync("/dev/null") } catch (error) { code = error.code }
    const { body } = await telemetry.render();
    process.stdout.write(code + "\\n" + body);
    process.exit(0);`;
  const launched = launchProcess(context, {
    command: "/bin/sh",
    args: ["-c", 'ulimit -n 60 && exec "$0" "$@"', process.execPath, "--input-type=module", "--eval", program],
  });
  assert.deepEqual(await launched.exited, { code: 0, signal: null }, launched.describe());
  assert.match(
    launched.stdout,
    /^EMFILE\n[\s\S]*muster_test\{kind="a \\"b\\""\} 7\n[\s\S]*process_cpu_user_seconds_total /,
  );
});
