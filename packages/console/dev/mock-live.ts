import type { Server } from "node:http";
import type { AgentCounts, LiveEvent, LiveRequest, Run, RunCounts } from "@muster/core/resources";
import { WebSocketServer } from "ws";
import { iso, makeOutput, makeSample } from "./mock-fleet.ts";
import type { MockFleet } from "./mock-server.ts";

interface Counters {
  readonly counts: () => AgentCounts;
  readonly recount: (runs: readonly Run[]) => RunCounts;
}

const TICK_MS = 2000;

/** The live stream of the mock: present state first, then something every two seconds. */
export function serveLive(server: Server, fleet: MockFleet, counters: Counters): void {
  const sockets = new WebSocketServer({ server, path: "/fleet/v1/live" });
  sockets.on("connection", (socket) => {
    const stops = new Map<number, () => void>();
    const send = (event: LiveEvent) => socket.send(JSON.stringify(event));
    send({ event: "hello", version: "0.1.0" });
    socket.on("message", (bytes) => {
      const request = JSON.parse(String(bytes)) as LiveRequest;
      if (request.op === "ping") return send({ event: "pong" });
      stops.get(request.sub)?.();
      if (request.op === "stop") return;
      let step = 0;
      const tick = subscribe(request, { fleet, counters, send });
      tick(step++);
      send({ event: "ready", sub: request.sub });
      const timer = setInterval(() => tick(step++), TICK_MS);
      stops.set(request.sub, () => clearInterval(timer));
    });
    socket.on("close", () => {
      for (const stop of stops.values()) stop();
    });
  });
}

interface Parts {
  readonly fleet: MockFleet;
  readonly counters: Counters;
  readonly send: (event: LiveEvent) => void;
}

function subscribe(request: Exclude<LiveRequest, { op: "ping" | "stop" }>, parts: Parts): (step: number) => void {
  const { fleet, counters, send } = parts;
  const { sub } = request;
  switch (request.op) {
    case "fleet": {
      const wanted = new Set(request.agentIds ?? []);
      return () => {
        send({ event: "counts", sub, counts: counters.counts() });
        for (const agent of fleet.agents) {
          if (!wanted.has(agent.id) || !agent.gauges || agent.status !== "online") continue;
          const cpu = Math.min(1, Math.max(0.01, (agent.gauges.cpu ?? 0) + (Math.random() - 0.5) * 0.06));
          const gauges = { ...agent.gauges, cpu, at: iso(Date.now()) };
          send({ event: "agent", sub, agent: { ...agent, gauges, lastSeenAt: gauges.at } });
        }
      };
    }
    case "agent": {
      const number = fleet.agents.findIndex((agent) => agent.id === request.agentId);
      const agent = fleet.agents[number];
      return () => {
        if (agent?.gauges && agent.status === "online")
          send({ event: "sample", sub, sample: makeSample(agent, number, Date.now()) });
      };
    }
    case "configs":
      return () => undefined;
    case "commands":
      return () => {
        for (const { command } of fleet.commands)
          if (command.status === "running") send({ event: "command", sub, command });
      };
    case "command": {
      const found = fleet.commands.find(({ command }) => command.id === request.commandId);
      return (step) => {
        if (!found) return;
        if (step === 0) {
          send({ event: "command", sub, command: found.command });
          for (const run of found.runs) send({ event: "run", sub, run });
        }
        for (const run of found.runs) writeRun(run, step, sub, send);
      };
    }
    case "output": {
      const run = fleet.commands.flatMap(({ runs }) => runs).find((candidate) => candidate.id === request.runId);
      return (step) => run && writeRun(run, step, sub, send);
    }
  }
}

/** What is stored first, then a line per tick while the run goes on. */
function writeRun(run: Run, step: number, sub: number, send: (event: LiveEvent) => void): void {
  if (run.status === "queued") return;
  const stored = makeOutput(run);
  if (step === 0) send({ event: "output", sub, runId: run.id, chunks: stored });
  else if (run.finishedAt === null) {
    const chunk = {
      seq: stored.length + step - 1,
      stream: "stdout",
      at: iso(Date.now()),
      text: `step ${step}\n`,
    } as const;
    send({ event: "output", sub, runId: run.id, chunks: [chunk] });
  }
}
