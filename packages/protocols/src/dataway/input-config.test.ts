import assert from "node:assert/strict";
import { test } from "node:test";
import { digestOf, type InputConfig, parseInputConfig, TOML_LIMITS } from "./index.ts";

function parse(toml: string): InputConfig {
  const config = parseInputConfig(toml);
  assert.ok(config.ok, config.ok ? "" : config.message);
  return config;
}

function mistakeOf(toml: string) {
  const { ok, ...mistake } = parseInputConfig(toml) as {
    ok: boolean;
    message?: string;
    line?: number;
    column?: number;
  };
  assert.equal(ok, false, toml.slice(0, 100));
  return mistake;
}

test("blocks come in order with what belongs to them", () => {
  const config = parse(`
    title = "mine"
    [[inputs.nginx]] # the first
      url = "http://127.0.0.1/status"
      interval = "10s"
      retries = 3
      factor = 1.0
      since = 2026-01-01T00:00:00Z
      big = 9007199254740993
      [inputs.nginx.tags]
        site = "a"
    [[inputs.nginx]]
      url = "http://127.0.0.2/status"
    [inputs.cpu]
      percpu = true
  `);
  assert.deepEqual(
    config.blocks.map(({ input, options }) => [input, options]),
    [
      [
        "nginx",
        {
          url: "http://127.0.0.1/status",
          interval: "10s",
          retries: 3,
          factor: 1,
          since: "2026-01-01T00:00:00.000Z",
          big: 9007199254740993n,
          tags: { site: "a" },
        },
      ],
      ["nginx", { url: "http://127.0.0.2/status" }],
      ["cpu", { percpu: true }],
    ],
  );
  assert.deepEqual([config.ignored, config.repeated], [["title"], undefined]);
  assert.deepEqual(parse("# nothing but words\n").blocks, []);
  assert.deepEqual(
    parse("[inputs]\ncpu = []\n[[inputs.mem]]\n").blocks.map(({ input }) => input),
    ["mem"],
  );
});

test("comments, spacing, order of names and the kind of brackets do not change what a text means", () => {
  const texts = [
    '[[inputs.cpu]]\n  a = 1\n  b = "x"\n  [inputs.cpu.tags]\n    t = "1"\n    u = "2"\n',
    '# a comment\n[inputs.cpu]\nb="x" # why\na=1\n\n[inputs.cpu.tags]\nu = "2"\nt = "1"\n',
    "[[inputs.cpu]]\r\nb = 'x'\r\na = 0x1\r\ntags = { u = '2', t = '1' }\r\n",
    'inputs.cpu.a = 1\ninputs.cpu.tags.t = "1"\ninputs.cpu.b = """x"""\ninputs.cpu.tags.u = "2"\n',
  ];
  const digests = new Set(texts.map((text) => parse(text).digest));
  assert.equal(digests.size, 1);
  assert.match([...digests][0] ?? "", /^[0-9a-f]{64}$/);
  assert.equal(parse("[[inputs.a]]\n[[inputs.b]]\n").digest, parse("[[inputs.b]]\n[[inputs.a]]\n").digest);
});

test("whatever else differs changes what a text means", () => {
  const bodies = [
    "a = 1",
    "a = 1.0",
    'a = "1"',
    "a = true",
    'a = "true"',
    "a = [1]",
    "a = [1, 2]",
    "a = [2, 1]",
    "a = []",
  ];
  bodies.push("a = {}", "b = 1", "", "a = 1979-05-27", "a = 07:32:00", 'a = "1979-05-27"', "a = 1979-05-27T07:32:00");
  bodies.push("a = 1979-05-27T07:32:00Z", "a = nan", "a = inf", "a = -0.0", "a = 0.0", "a = [[1], 2]", "a = [[1, 2]]");
  bodies.push('a = ["1", "2"]', 'a = ["1\\", \\"2"]', "a = { b = 1 }", 'a = "{\\"b\\":1}"', "a = 9007199254740993");
  bodies.push("a = 9007199254740992");
  const digests = bodies.map((body) => parse(`[[inputs.cpu]]\n${body}\n`).digest);
  assert.equal(new Set(digests).size, bodies.length);
  assert.notEqual(parse("[[inputs.cpu]]\n").digest, parse("[[inputs.mem]]\n").digest);
  assert.notEqual(
    parse("[[inputs.cpu]]\na=1\n[[inputs.cpu]]\n").digest,
    parse("[[inputs.cpu]]\n[[inputs.cpu]]\na=1\n").digest,
  );
});

test("a block that is there twice is told", () => {
  assert.equal(parse("[[inputs.cpu]]\na=1\nb=2\n[[inputs.cpu]]\nb=2 # again\na=1\n").repeated, "cpu");
  assert.equal(parse("[[inputs.cpu]]\na=1\n[[inputs.mem]]\na=1\n").repeated, undefined);
});

test("digests are the same tomorrow: they are stored and compared between versions", () => {
  const value = { b: [1n, 1.5, "x"], a: true, d: {} };
  assert.equal(digestOf(value), "9805396ec66618e4e35bc273e68297c3893bcd14f9e178961e1816bef1405a6a");
  const cpu = parse("[[inputs.cpu]]\n  percpu = true\n");
  assert.equal(cpu.digest, "6e5f8caf7083cd52091044bb4ebc2ab03e0379e93a9d0ecd6dc923487d218673");
});

test("a mistake is told with its line and column, in one sentence", () => {
  assert.deepEqual(mistakeOf("[[inputs.cpu]]\n  percpu = tru\n"), { message: "invalid value", line: 2, column: 12 });
  const unfinished = mistakeOf('[[inputs.cpu]]\n\n  a = "x');
  assert.deepEqual([unfinished.line, unfinished.message?.includes("\n")], [3, false]);
  assert.equal(mistakeOf("[[inputs.cpu]]\na = 1\na = 2\n").line, 3);
  assert.equal(mistakeOf("[[inputs.cpu]\n").line, 1);
  assert.equal(mistakeOf("[[inputs.cpu]]\nat = 2026-13-41\n").line, 2);
  assert.match(mistakeOf("inputs = 3").message ?? "", /\[\[inputs\.cpu\]\]/);
  assert.match(mistakeOf("[inputs]\ncpu = 3").message ?? "", /\[\[inputs\.cpu\]\]/);
  assert.match(mistakeOf("[inputs]\ncpu = [1]").message ?? "", /\[\[inputs\.cpu\]\]/);
  assert.match(mistakeOf("inputs = 1979-05-27").message ?? "", /tables/);
  assert.equal(mistakeOf("[inputs.__proto__]\nx = 1\n").line, 1);
});

test("texts beyond a limit are refused, and soon", () => {
  const started = performance.now();
  assert.match(mistakeOf("#".repeat(TOML_LIMITS.bytes + 1)).message ?? "", /longer than/);
  assert.match(mistakeOf(`# ${"é".repeat(TOML_LIMITS.bytes / 2)}`).message ?? "", /longer than/);
  assert.match(mistakeOf(`[inputs.${"a.".repeat(100_000)}b]`).message ?? "", /dotted names/);
  assert.match(mistakeOf(`[inputs.${"a.".repeat(100)}b]`).message ?? "", /deeper/);
  mistakeOf(`a = ${"[".repeat(100_000)}`);
  mistakeOf(`a = ${"{a=".repeat(80_000)}`);
  assert.match(mistakeOf("[[inputs.a]]\n".repeat(5000)).message ?? "", /blocks/);
  assert.match(mistakeOf(`a = [${"1,".repeat(100_000)}]`).message ?? "", /values/);
  assert.match(mistakeOf(`[inputs.${"x".repeat(101)}]`).message ?? "", /name/);
  assert.ok(performance.now() - started < 5_000);
});
