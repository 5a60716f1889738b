import assert from "node:assert/strict";
import { test } from "node:test";
import type { AvailableInput, Input } from "@muster/core/resources";
import { healthOf, nameOf, pathOfInput, searchCollectors, sortInputs } from "./input-list.ts";

const input = (part: Partial<Input>) =>
  ({ id: "x", inputs: ["cpu"], file: "x.conf", status: "running", error: null, ...part }) as Input;

test("a collector that runs and cannot collect is in trouble", () => {
  assert.equal(healthOf(input({ error: "nobody listens" })), "trouble");
  assert.equal(healthOf(input({})), "running");
  assert.equal(healthOf(input({ status: "failed", error: "no" })), "failed");
});

test("what needs a look comes first, then names", () => {
  const rows = [
    input({ id: "1", inputs: ["mem"] }),
    input({ id: "2", status: "disabled" }),
    input({ id: "3", inputs: ["zk"], status: "failed", error: "no" }),
    input({ id: "4", inputs: ["cpu"] }),
  ];
  assert.deepEqual(
    sortInputs(rows).map(({ id }) => id),
    ["3", "4", "1", "2"],
  );
  assert.equal(nameOf(input({ inputs: [], file: "broken.conf" })), "broken.conf");
});

test("the page of a foreign file does not look like a file of the server", () => {
  assert.equal(pathOfInput("a1", "old one.conf"), "/agents/a1/inputs/old%20one%2Econf");
});

test("collectors are found by any of their words, the best first, and stay in their catalogues", () => {
  const of = (name: string, catalog: string, summary: string): AvailableInput => ({
    input: name,
    catalog,
    inputType: "datakit",
    summary,
  });
  const available = [
    of("cpu", "host", "Load of the processors"),
    of("nginx", "web", "Connections of nginx"),
    of("prom", "web", "Scrapes an exporter, such as that of nginx"),
  ];
  const names = (wanted: string) =>
    searchCollectors(available, wanted).map(({ name, items }) => [name, ...items.map((item) => item.input)]);
  assert.deepEqual(names(""), [
    ["host", "cpu"],
    ["web", "nginx", "prom"],
  ]);
  assert.deepEqual(names("NGINX"), [["web", "nginx", "prom"]]);
  assert.deepEqual(names("host load"), [["host", "cpu"]]);
  assert.deepEqual(names("nothing like it"), []);
});
