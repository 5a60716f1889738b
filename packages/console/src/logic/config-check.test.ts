import assert from "node:assert/strict";
import { test } from "node:test";
import { checkConfig, listVariables } from "./config-check.ts";

const place = (format: "json" | "yaml" | "text", text: string) => {
  const flaw = checkConfig(format, text);
  return flaw && `${flaw.kind} ${flaw.line}:${flaw.column}`;
};

test("what JSON allows has no flaw, and engines agree", () => {
  for (const text of ['{"a":[1,-2.5e3,{"b":null}],"c":"\\u00e9\\n"}', "[]", "{}", ' "x" ', "true", "[[],[{}]]"]) {
    JSON.parse(text);
    assert.equal(place("json", text), undefined, text);
  }
});

test("a JSON text is flawed where it stops being one", () => {
  const flawed: readonly [text: string, where: string][] = [
    ['{\n  "a": 1\n  "b": 2\n}', "json 3:3"],
    ['{"a":1,}', "json 1:8"],
    ["[1,]", "json 1:4"],
    ['{"a" 1}', "json 1:6"],
    ['{"a":1', "json 1:7"],
    ["{a:1}", "json 1:2"],
    ["[1}", "json 1:3"],
    ["{} {}", "json 1:4"],
    ["01", "json 1:1"],
    ["nul", "json 1:1"],
    ['"a\nb"', "json 1:1"],
  ];
  for (const [text, where] of flawed) {
    assert.throws(() => JSON.parse(text), text);
    assert.equal(place("json", text), where, text);
  }
});

test("a variable may stand in a JSON text where a number or a part of a string will", () => {
  assert.equal(place("json", `{"port": \${label.port}, "who": "\${agent.name} \${HOME}"}`), undefined);
});

test("tabs before words are flaws of YAML only", () => {
  assert.equal(place("yaml", "inputs:\n \t- Type: file"), "tab 2:2");
  assert.equal(place("yaml", "inputs: a\tb"), undefined);
  assert.equal(place("text", "\tall: build"), undefined);
});

test("a variable that no agent can fill is a flaw, a literal and a foreign one are not", () => {
  assert.equal(place("text", `a\nb \${agent.nam}`), "variable 2:3");
  assert.equal(place("text", `\${secret.}`), "variable 1:1");
  assert.equal(place("text", `\${label.zone`), "variable 1:1");
  assert.equal(place("text", `$\${agent.nam} \${HOME} \${agent.id}`), undefined);
});

test("a text of more than 1 MiB is one, counted in bytes", () => {
  assert.equal(checkConfig("text", "x".repeat(1024 * 1024)), undefined);
  assert.equal(checkConfig("text", "é".repeat(600_000))?.kind, "size");
});

test("what a text asks for is listed once and sorted", () => {
  assert.deepEqual(listVariables(`\${secret.b} \${label.a} \${secret.b} $\${label.c} \${X}`), ["label.a", "secret.b"]);
});
