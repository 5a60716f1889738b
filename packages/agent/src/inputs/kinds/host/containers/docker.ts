import { errorText } from "../../../../log.ts";
import type { Collector } from "../../../collector.ts";
import { defineKind, type KindTools, sampleOf } from "../../shared/kind.ts";
import { int, nowNs, pointOf, present } from "../../shared/values.ts";
import {
  CONTAINER_SAMPLE,
  ContainerReport,
  type ContainerWishes,
  containerOptions,
  describeContainers,
  isWanted,
} from "./containers.ts";
import { askEngine, asRecord, numberOf, readContainers, readUsage } from "./docker-api.ts";

/** So many containers are asked for their use at once. */
const AT_ONCE = 8;

const dockerOptions = containerOptions("unix:///var/run/docker.sock");

export function createDocker(wanted: ContainerWishes, tools: KindTools): Collector {
  const socketPath = wanted.endpoint.slice("unix://".length);
  const report = new ContainerReport(tools, { runtime: "docker", objectEveryMs: wanted.object_interval });
  const ask = (path: string, signal: AbortSignal) =>
    askEngine({ socketPath, path, timeoutMs: wanted.timeout, signal }).catch((error: unknown) => {
      throw new Error(`${wanted.endpoint}: ${errorText(error)}`);
    });

  /** Undefined for a container that is gone by now, or that does not answer in time: the others are told all the same. */
  const usageOf = async (id: string, signal: AbortSignal) => {
    const path = `/containers/${encodeURIComponent(id)}/stats?stream=false&one-shot=true`;
    return ask(path, signal).then(readUsage, () => undefined);
  };

  const sendEngine = async (signal: AbortSignal) => {
    const info = asRecord(await ask("/info", signal));
    const count = (name: string) => int(numberOf(info[name]));
    const fields = {
      containers: count("Containers"),
      containers_running: count("ContainersRunning"),
      containers_paused: count("ContainersPaused"),
      containers_stopped: count("ContainersStopped"),
      images: count("Images"),
    };
    const version = typeof info.ServerVersion === "string" ? info.ServerVersion : undefined;
    const point = pointOf("docker", { tags: { server_version: version }, fields, timeNs: nowNs(tools.clock) });
    await tools.emit("metric", present([point]));
  };

  return {
    async collect(signal) {
      const all = readContainers(await ask("/containers/json?all=true", signal));
      const containers = all.filter(({ name }) => isWanted(name, wanted));
      const running = containers.filter(({ state }) => state === "running");
      const usage = new Map<string, Awaited<ReturnType<typeof usageOf>>>();
      for (let from = 0; from < running.length; from += AT_ONCE) {
        const some = running.slice(from, from + AT_ONCE);
        await Promise.all(some.map(async ({ id }) => usage.set(id, await usageOf(id, signal))));
        signal.throwIfAborted();
      }
      await report.send(containers.map((container) => ({ ...container, usage: usage.get(container.id) })));
      await sendEngine(signal);
    },
  };
}

const TESTED =
  "Tested against answers written down after the description of the Engine's API (1.41), served on a Unix socket, not against a running engine.";

export const docker = defineKind({
  name: "docker",
  aliases: ["container"],
  catalog: "container",
  summary: "Containers of Docker, or of Podman's equal socket: CPU, memory, network, disks",
  defaultIntervalMs: 30_000,
  options: dockerOptions,
  create: createDocker,
  sample: sampleOf({
    name: "docker",
    about: `
Containers of Docker, over its Unix socket.
Tested against answers written down after the API's description, not against a running engine.`,
    interval: "30s",
    body: `
  # The socket of the engine; this agent's user must be allowed to use it.
  endpoint = "unix:///var/run/docker.sock"${CONTAINER_SAMPLE}`,
  }),
  measurements: [
    ...describeContainers(TESTED),
    {
      name: "docker",
      category: "metric",
      about: `The engine as a whole. ${TESTED}`,
      tags: { server_version: "version of the engine" },
      fields: {
        containers: "containers, a count",
        containers_running: "containers that run, a count",
        containers_paused: "containers that are paused, a count",
        containers_stopped: "containers that do not run, a count",
        images: "images, a count",
      },
    },
  ],
});
