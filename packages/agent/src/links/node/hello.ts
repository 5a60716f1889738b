import { readFileSync } from "node:fs";
import { arch, hostname, networkInterfaces, type as osType, release } from "node:os";
import type { Capability, Clock, Labels } from "@muster/core";
import { type JournaledRun, NODE_LIMITS, type NodeRegister } from "@muster/protocols/node";
import type { HeldRun } from "../../commands/runner.ts";
import { AGENT_VERSION } from "../../version.ts";

/** What an agent tells of itself that its configuration decides. */
export interface SelfFacts {
  readonly id: string;
  readonly name: string;
  readonly labels: Labels;
  readonly capabilities: readonly Capability[];
}

/** The registration as it is now: addresses may have changed, and the journal has moved on. */
export function describeSelf(self: SelfFacts, runs: readonly HeldRun[], clock: Clock): NodeRegister {
  const addresses = listAddresses();
  const os = readOsName();
  return {
    node_id: self.id,
    hostname: hostname(),
    ip_address: addresses[0] ?? "127.0.0.1",
    os_info: os,
    muster: {
      protocol: 1,
      version: AGENT_VERSION,
      capabilities: self.capabilities,
      name: self.name,
      os,
      arch: arch(),
      addresses,
      labels: self.labels,
      now: clock.now(),
      runs: runs.slice(0, NODE_LIMITS.runs).map(describeRun),
    },
  };
}

function describeRun(run: HeldRun): JournaledRun {
  return { command_id: run.id, state: run.state, seq: run.spool?.lastSeq ?? -1 };
}

/** Addresses other hosts may know this one by: IPv4 first, nothing local to the link. */
export function listAddresses(): string[] {
  const entries = Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    .filter((entry) => !entry.internal && !entry.address.toLowerCase().startsWith("fe80:"));
  const family = (name: "IPv4" | "IPv6") =>
    entries.filter((entry) => entry.family === name).map((entry) => entry.address);
  return [...new Set([...family("IPv4"), ...family("IPv6")])].slice(0, NODE_LIMITS.addresses);
}

/** The distribution's own name where it has one (os-release(5)), else the kernel's. */
function readOsName(): string {
  for (const path of ["/etc/os-release", "/usr/lib/os-release"]) {
    try {
      const match = /^PRETTY_NAME=(?:"(.*)"|'(.*)'|(.*))$/m.exec(readFileSync(path, "utf8"));
      const name = match?.[1] ?? match?.[2] ?? match?.[3];
      if (name) return name;
    } catch {
      // the next place may have one
    }
  }
  return `${osType()} ${release()}`;
}
