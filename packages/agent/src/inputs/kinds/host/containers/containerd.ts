import { errorText } from "../../../../log.ts";
import type { Collector } from "../../../collector.ts";
import { defineKind, type KindTools, sampleOf } from "../../shared/kind.ts";
import {
  CONTAINER_SAMPLE,
  ContainerReport,
  type ContainerWishes,
  containerOptions,
  describeContainers,
  isWanted,
} from "./containers.ts";
import { callRuntime, readRuntimeContainers, readRuntimeUsage } from "./cri-api.ts";

const containerdOptions = containerOptions("unix:///run/containerd/containerd.sock");

export function createContainerd(wanted: ContainerWishes, tools: KindTools): Collector {
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
  endpoint = "unix:///run/containerd/containerd.sock"${CONTAINER_SAMPLE}`,
  }),
  measurements: describeContainers(COVERED),
});
