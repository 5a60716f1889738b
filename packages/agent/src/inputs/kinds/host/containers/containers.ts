import * as z from "zod/mini";
import type { MeasurementDoc } from "../../../collector.ts";
import type { KindTools } from "../../shared/kind.ts";
import { duration, options, patterns } from "../../shared/options.ts";
import { int, nowNs, percent, pointOf, present, type RawFields } from "../../shared/values.ts";

/** A container as a runtime tells of it; sizes in bytes, what it does not tell is undefined. */
export interface Container {
  readonly id: string;
  readonly name: string;
  readonly image: string;
  /** running, exited, created, paused and others. */
  readonly state: string;
  readonly createdMs: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly usage?: ContainerUsage | undefined;
}

export interface ContainerUsage {
  /** Since the container started. */
  readonly cpuNs?: number | undefined;
  /** When that was read, on any clock of nanoseconds; ours when the runtime does not say. */
  readonly cpuAtNs?: number | undefined;
  readonly memory?: number | undefined;
  readonly memoryLimit?: number | undefined;
  readonly received?: number | undefined;
  readonly sent?: number | undefined;
  readonly blockRead?: number | undefined;
  readonly blockWritten?: number | undefined;
  readonly layer?: number | undefined;
  readonly processes?: number | undefined;
}

/** The options of a runtime that listens on a Unix socket. */
export function containerOptions(socket: string) {
  const isSocket = z.regex(/^unix:\/\/\/.+/, 'must be a Unix socket such as "unix:///var/run/docker.sock"');
  return options({
    endpoint: z._default(z.string().check(isSocket), socket),
    container_include: patterns(),
    container_exclude: patterns(),
    object_interval: duration(300_000, { minMs: 10_000, maxMs: 86_400_000 }),
    timeout: duration(5000, { minMs: 100, maxMs: 60_000 }),
  });
}

export type ContainerWishes = z.output<ReturnType<typeof containerOptions>>;

/** Their part of a sample, after the endpoint. */
export const CONTAINER_SAMPLE = `
  # Only containers whose name matches one of these regular expressions, and none that matches one of the others.
  container_include = []
  container_exclude = []
  # How often every container is told as an object.
  object_interval = "5m"
  # How long an answer may take.
  timeout = "5s"`;

/** Whether the options want a container of this name. */
export function isWanted(
  name: string,
  { container_include, container_exclude }: Pick<ContainerWishes, "container_include" | "container_exclude">,
): boolean {
  if (container_include.length > 0 && !container_include.some((pattern) => pattern.test(name))) return false;
  return !container_exclude.some((pattern) => pattern.test(name));
}

/** The CPU of each container since the reading before, in per cent of one core. */
export class CpuShares {
  #before = new Map<string, { cpuNs: number; atNs: number }>();
  #now = new Map<string, { cpuNs: number; atNs: number }>();

  begin(): void {
    this.#before = this.#now;
    this.#now = new Map();
  }

  next(id: string, { cpuNs, cpuAtNs }: ContainerUsage, fallbackNs: number): number | undefined {
    if (cpuNs === undefined) return undefined;
    const atNs = cpuAtNs ?? fallbackNs;
    this.#now.set(id, { cpuNs, atNs });
    const before = this.#before.get(id);
    if (!before || atNs <= before.atNs) return undefined;
    return percent(Math.max(0, cpuNs - before.cpuNs), atNs - before.atNs);
  }
}

/** Labels that orchestrators set → tags. */
const LABELS: Readonly<Record<string, string>> = {
  pod_name: "io.kubernetes.pod.name",
  namespace: "io.kubernetes.pod.namespace",
  compose_project: "com.docker.compose.project",
  compose_service: "com.docker.compose.service",
};

/** Hands over what was read: metrics of those that run, and from time to time every container as an object. */
export class ContainerReport {
  readonly #tools: KindTools;
  readonly #runtime: string;
  readonly #objectEveryMs: number;
  readonly #cpu = new CpuShares();
  #objectsDueAtMs = Number.NEGATIVE_INFINITY;

  constructor(
    tools: KindTools,
    { runtime, objectEveryMs }: { readonly runtime: string; readonly objectEveryMs: number },
  ) {
    this.#tools = tools;
    this.#runtime = runtime;
    this.#objectEveryMs = objectEveryMs;
  }

  async send(containers: readonly Container[]): Promise<void> {
    const { clock, emit } = this.#tools;
    this.#cpu.begin();
    const told = containers.map((container) => ({
      container,
      tags: this.#tagsOf(container),
      fields: this.#fieldsOf(container),
    }));
    const timeNs = nowNs(clock);
    const running = told.filter(({ container }) => container.usage !== undefined);
    await emit("metric", present(running.map(({ tags, fields }) => pointOf(MEASUREMENT, { tags, fields, timeNs }))));
    if (clock.monotonic() < this.#objectsDueAtMs) return;
    this.#objectsDueAtMs = clock.monotonic() + this.#objectEveryMs;
    const objects = told.map(({ container, tags, fields }) => {
      const { createdMs, labels } = container;
      const about = { age: int((clock.now() - createdMs) / 1000), created: int(createdMs) };
      const message = JSON.stringify({ ...tags, created: createdMs, labels });
      return pointOf(MEASUREMENT, {
        tags: { ...tags, name: container.id },
        fields: { ...fields, ...about, message },
        timeNs,
      });
    });
    await emit("object", present(objects));
  }

  #tagsOf({ id, name, image, state, labels }: Container) {
    const known = Object.entries(LABELS).map(([tag, label]) => [tag, labels[label]]);
    return {
      container_id: id,
      container_name: name,
      container_runtime: this.#runtime,
      image,
      state,
      ...Object.fromEntries(known),
    };
  }

  #fieldsOf({ id, usage }: Container): RawFields {
    if (!usage) return {};
    const cpu = this.#cpu.next(id, usage, this.#tools.clock.monotonic() * 1e6);
    const { memory, memoryLimit } = usage;
    const isLimited = memory !== undefined && memoryLimit !== undefined && memoryLimit > 0;
    return {
      cpu_usage: cpu,
      cpu_usage_millicores: cpu === undefined ? undefined : int(cpu * 10),
      mem_usage: int(memory),
      mem_limit: int(memoryLimit),
      mem_used_percent: isLimited ? percent(memory, memoryLimit) : undefined,
      network_bytes_rcvd: int(usage.received),
      network_bytes_sent: int(usage.sent),
      block_read_byte: int(usage.blockRead),
      block_write_byte: int(usage.blockWritten),
      layer_bytes: int(usage.layer),
      processes: int(usage.processes),
    };
  }
}

/** DataKit's name, whatever the runtime is. */
const MEASUREMENT = "docker_containers";

const TAGS = {
  container_id: "id of the container",
  container_name: "its name",
  container_runtime: "docker or containerd",
  image: "its image",
  state: "running, exited, created, paused or another word of the runtime",
  pod_name: "its pod, where Kubernetes started it",
  namespace: "the pod's namespace",
  compose_project: "its project, where Compose started it",
  compose_service: "the project's service",
};

const FIELDS = {
  cpu_usage: "CPU since the reading before, per cent of one core",
  cpu_usage_millicores: "the same in thousandths of a core",
  mem_usage: "memory without what can be dropped at once, bytes",
  mem_limit: "the most memory it may use, bytes",
  mem_used_percent: "mem_usage of mem_limit, per cent",
  network_bytes_rcvd: "received since it started, bytes (docker)",
  network_bytes_sent: "sent since it started, bytes (docker)",
  block_read_byte: "read from disks since it started, bytes (docker)",
  block_write_byte: "written to disks since it started, bytes (docker)",
  layer_bytes: "its own layer on the disk, bytes (containerd)",
  processes: "processes in it, a count (docker)",
};

/** How both kinds describe what they tell. */
export function describeContainers(about: string): MeasurementDoc[] {
  return [
    { name: MEASUREMENT, category: "metric", about: `Containers that run. ${about}`, tags: TAGS, fields: FIELDS },
    {
      name: MEASUREMENT,
      category: "object",
      about: `Every container as an object, each object_interval. ${about}`,
      tags: { ...TAGS, name: "id of the container: the object's name" },
      fields: {
        ...FIELDS,
        age: "since it was made, seconds",
        created: "when it was made, milliseconds since 1970",
        message: "tags and labels as JSON",
      },
    },
  ];
}
