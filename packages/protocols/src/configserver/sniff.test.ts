import assert from "node:assert/strict";
import { test } from "node:test";
import { G0_MESSAGES } from "./g0.ts";
import { G1_MESSAGES } from "./g1.ts";
import { G2_MESSAGES } from "./g2.ts";
import { type Sniffed, sniffGeneration } from "./sniff.ts";

const NOTHING = new Uint8Array(0);

function sniff(path: string, body: Uint8Array = NOTHING, method = "POST"): Sniffed {
  return sniffGeneration({ path, method, body });
}

function hex(text: string): Buffer {
  return Buffer.from(text.replaceAll(" ", ""), "hex");
}

test("paths that one generation has tell it, whatever the body", () => {
  const broken = hex("ff");
  for (const name of ["RunningStatistics", "Alarm", "GetConfigList"])
    assert.equal(sniff(`/Agent/${name}`, broken), "g0");
  assert.equal(sniff("/Agent/FetchAgentConfig/"), "g1");
  for (const name of ["Heartbeat", "FetchInstanceConfig", "FetchConfig", "ReportStatus"]) {
    assert.equal(sniff(`/Agent/${name}`), "g2");
  }
  assert.equal(sniff("/User/CreatePipelineConfig"), "g2");
  assert.equal(sniff("/nowhere"), "ambiguous");
});

test("a heartbeat of the real agent, which leaves out 6 and 7, is of G1 by its attributes", () => {
  const body = G1_MESSAGES.HeartBeatRequest.encode({
    requestId: "aGVhcnRiZWF0",
    agentId: "4F_10.0.0.1_1",
    agentType: "iLogtail",
    attributes: { version: "1.8.8", ip: "10.0.0.1" },
    tags: ["web"],
    interval: 10,
  });
  assert.equal(sniff("/Agent/HeartBeat", body), "g1");
});

test("a heartbeat tells by 9 or 10, then by the type of 7, then by what 4 is", () => {
  const rows: [string, Sniffed][] = [
    ["0a 01 72 4a 04 12 02 70 31", "g1"],
    ["52 04 12 02 70 31", "g1"],
    ["22 05 31 2e 31 2e 31 3a 04 67 6f 6f 64", "g0"], // version 1.1.1, status good
    ["22 00 38 64", "g1"], // empty attributes, startup 100
    ["22 00", "g1"],
    ["22 05 31 2e 31 2e 31 40 64", "g0"], // version 1.1.1, startup 100
    ["22 07 0a 05 31 2e 38 2e 38 40 0a", "g1"], // attributes with a version, interval 10
    ["22 05 a2 06 02 0a 00", "g1"], // attributes with extras (100) alone
    ["22 03 3a 01 61", "g0"], // 4 would have a field 7
    ["12 01 61 40 64", "g0"], // no 4 at all
    ["", "g0"],
    ["12 05 61", "ambiguous"], // cut off
  ];
  for (const [bytes, expected] of rows) assert.equal(sniff("/Agent/HeartBeat", hex(bytes)), expected, bytes);
});

test("heartbeats of G0 are never taken for G1", () => {
  for (const agentVersion of ["", "1", "0.0.1", "1.2.1-rc", "v2", "\n", "\n\u0001"]) {
    const body = G0_MESSAGES.HeartBeatRequest.encode({
      agentId: "a",
      agentVersion,
      ip: "::1",
      tags: new Map([["a", "b"]]),
    });
    assert.equal(sniff("/Agent/HeartBeat", body), "g0", JSON.stringify(agentVersion));
  }
});

test("a fetch tells by where its items keep the name, and without items by its sender", () => {
  const g1 = G1_MESSAGES.FetchPipelineConfigRequest.encode({ agentId: "a", reqConfigs: [{ name: "p", version: 1 }] });
  const g2 = G2_MESSAGES.FetchConfigRequest.encode({ continuousPipelineConfigs: [{ name: "p", version: 1 }] });
  const typed = G1_MESSAGES.FetchPipelineConfigRequest.encode({ reqConfigs: [{ type: 1, name: "p" }] });
  assert.deepEqual(
    [g1, g2, typed].map((body) => sniff("/Agent/FetchPipelineConfig", body)),
    ["g1", "g2", "g1"],
  );

  const empty = G1_MESSAGES.FetchPipelineConfigRequest.encode({ requestId: "r", agentId: "known" });
  const path = "/Agent/FetchPipelineConfig";
  assert.equal(sniff(path, empty), "ambiguous");
  const ask = (known: string) =>
    sniffGeneration({ path, method: "POST", body: empty, isG2Instance: (id) => id === known });
  assert.equal(ask("known"), "g2");
  assert.equal(ask("another"), "g1");
});

test("a config written tells by its fields", () => {
  for (const name of ["CreateConfig", "UpdateConfig"] as const) {
    const g0 = G0_MESSAGES[`${name}Request`].encode({
      configDetail: { configName: "c", agentType: "ilogtail", content: "x" },
    });
    const g1 = G1_MESSAGES[`${name}Request`].encode({ configDetail: { name: "c", detail: "x" } });
    const typed = G1_MESSAGES[`${name}Request`].encode({ configDetail: { type: 1, name: "c" } });
    const noDetail = G1_MESSAGES[`${name}Request`].encode({ configDetail: { name: "c", context: "x" } });
    const told = [g0, g1, typed, noDetail, NOTHING].map((body) => sniff(`/User/${name}`, body));
    assert.deepEqual(told, ["g0", "g1", "g1", "ambiguous", "ambiguous"]);
  }
});

test("reads by POST are of G1, by GET of either; other writes do not tell", () => {
  for (const name of [
    "GetAgentGroup",
    "ListAgentGroups",
    "GetConfig",
    "ListConfigs",
    "GetAppliedAgentGroups",
    "ListAgents",
  ]) {
    assert.equal(sniff(`/User/${name}`), "g1", name);
    assert.equal(sniff(`/User/${name}`, NOTHING, "GET"), "ambiguous", name);
  }
  assert.equal(sniff("/User/CreateAgentGroup"), "ambiguous");
  assert.equal(sniff("/User/ApplyConfigToAgentGroup", NOTHING, "PUT"), "ambiguous");
  assert.equal(sniff("/User/DeleteConfig", NOTHING, "DELETE"), "ambiguous");
});
