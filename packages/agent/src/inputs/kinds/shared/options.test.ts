import assert from "node:assert/strict";
import { test } from "node:test";
import * as z from "zod/mini";
import { parseGoDuration } from "./go-duration.ts";
import { block, duration, flag, integer, options, pattern, patterns, text, texts } from "./options.ts";

const schema = options({
  percpu: flag(false),
  title: text("none"),
  files: texts(["a"]),
  top: integer(5, { min: 0, max: 10 }),
  wait: duration(10_000, { minMs: 1000, maxMs: 3_600_000 }),
  match: pattern(""),
  only: patterns(["^a"]),
  mode: z._default(z.enum(["fast", "slow"]), "fast"),
  ports: z._default(z.array(block({ port: z.number() })), []),
});

const problems = (input: unknown) => z.safeParse(schema, input).error?.issues.map((issue) => issue.message);

test("every option has a default, and values come in the units of the inside", () => {
  assert.deepEqual(z.parse(schema, {}), {
    percpu: false,
    title: "none",
    files: ["a"],
    top: 5,
    wait: 10_000,
    match: undefined,
    only: [/^a/],
    mode: "fast",
    ports: [],
  });
  const given = z.parse(schema, { top: 7n, wait: "1m30s", match: "b+", only: [], ports: [{ port: 80 }] });
  assert.deepEqual([given.top, given.wait, given.match, given.only], [7, 90_000, /b+/, []]);
});

test("a message names the option that is wrong and says what would be right", () => {
  assert.deepEqual(problems({ percpu: "yes" }), ['"percpu" must be true or false']);
  assert.deepEqual(problems({ top: 11 }), ['"top" must be a whole number from 0 to 10']);
  assert.deepEqual(problems({ wait: "10 parsecs" }), ['"wait" must be a duration such as "10s", from 1s to 1h']);
  assert.deepEqual(problems({ wait: "1ms" }), ['"wait" must be a duration such as "10s", from 1s to 1h']);
  assert.match(problems({ match: "(" })?.[0] ?? "", /^"match" is no regular expression: /);
  assert.match(problems({ only: ["a", "["] })?.[0] ?? "", /^"only\[1\]" is no regular expression: /);
  assert.deepEqual(problems({ mode: "idle" }), ['"mode" must be one of "fast", "slow"']);
  assert.deepEqual(problems({ files: [1] }), ['"files[0]" must be a text in quotes']);
  assert.deepEqual(problems({ ports: [{}] }), ['"ports[0].port" is missing']);
  assert.deepEqual(problems({ percpus: true }), ['"percpus" is no option of this input']);
  assert.deepEqual(problems({ ports: [{ port: 1, host: "" }] }), ['"ports[0].host" is no option of this input']);
  assert.deepEqual(problems(3), ["the options must be a table"]);
});

test("durations are Go's: parts, fractions, or a number of seconds", () => {
  const read = ["10s", "1m30s", "1.5h", "500ms", "250us", "0", 30, 2n].map(parseGoDuration);
  assert.deepEqual(read, [10_000, 90_000, 5_400_000, 500, 0.25, 0, 30_000, 2000]);
  for (const wrong of ["", "10", "s", "-1s", "1s ", "1.2.3s", -1, Number.NaN, null, "1s".repeat(100)]) {
    assert.equal(parseGoDuration(wrong), undefined, String(wrong));
  }
});
