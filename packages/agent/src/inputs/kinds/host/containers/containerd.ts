import type * as z from "zod/mini";
import { errorText } from "../../../../log.ts";
import type { Collector } from "../../../collector.ts";
import { defineKind, type KindTools, sampleOf } from "../../shared/kind.ts";
import { duration, options, patterns } from "../../shared/options.ts";
import { ContainerReport, describeContainers, isWanted } from "./containers.ts";
import { callRuntime, readRuntimeContainers, readRuntimeUsage } from "./cri-api.ts";
import { unixEndpoint } from "./docker.ts";

const containerdOptions = options({
  endpoint: unixEndpoint("unix:///run/containerd/containerd.sock"),
  container_include: patterns(),
  container_exclude: patterns(),
  object_interval: duration(300_000, { minMs: 10_000, maxMs: 86_400_000 }),
  timeout: duration(5000, { minMs: 100, maxMs: 60_000 }),
});
type ContainerdOptions = z.output<typeof containerdOptions>;

export function createContainerd(wanted: ContainerdOptions, tools: KindTools): Collector {
  const socketPath = wanted.endpoint.slice("unix://".length);
  const report = new ContainerReport(tools, { runtime: "containerd", objectEveryMs: wanted.object_interval });
  const call = (method: string, signal: AbortSignal) =>
    callRuntime({ socketPath, method, timeoutMs: wanted.timeout, signal }).catch((error: unknown) => {
      throw new Error(`${wanted.endpoint}: ${errorText(error)}`);
    });
  return {
    async collect(signal) {
      const containers = readRuntimeContainers(await call("ListContainers", signal));
      const usage = readRuntimeUsage(await call("ListContainerStats", signal));
      const told = containers.filter(({ name }) => isWanted(name, wanted));
      await report.send(told.map((container) => ({ ...container, usage: usage.get(container.id) })));
    },
  };
}

const COVERED =
  "Read through the Container Runtime Interface v1, as the kubelet does: containers that were started otherwise (nerdctl, ctr) are not seen, and the interface tells nothing of network and disks. Tested against answers written down after the interface's definition, served on a Unix socket, not against a running containerd.";

export const containerd = defineKind({
  name: "containerd",
  aliases: ["cri"],
  catalog: "container",
  summary: "Containers of containerd or CRI-O, as Kubernetes sees them: CPU, memory, layer",
  defaultIntervalMs: 30_000,
  options: containerdOptions,
  create: createContainerd,
  sample: sampleOf({
    name: "containerd",
    about: `
Containers of containerd, as Kubernetes sees them (CRI): those that ctr or nerdctl started are not seen.
Tested against answers written down after the interface's definition, not against a running containerd.`,
    interval: "30s",
    body: `
  # The socket of the runtime; CRI-O's is unix:///var/run/crio/crio.sock. Only root may use it.
  endpoint = "unix:///run/containerd/containerd.sock"
  # Only containers whose name matches one of these regular expressions, and none that matches one of the others.
  container_include = []
  container_exclude = []
  # How often every container is told as an object.
  object_interval = "5m"
  # How long an answer may take.
  timeout = "5s"`,
  }),
  measurements: describeContainers(COVERED),
});
