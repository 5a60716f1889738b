import type { CollectorKind } from "../../collector.ts";
import { containerd } from "./containers/containerd.ts";
import { docker } from "./containers/docker.ts";
import { cpu } from "./cpu.ts";
import { disk } from "./disk.ts";
import { diskio } from "./diskio.ts";
import { hostobject } from "./hostobject.ts";
import { logging } from "./logging/kind.ts";
import { mem, swap } from "./mem.ts";
import { net } from "./net.ts";
import { netstat } from "./netstat.ts";
import { processes } from "./processes.ts";
import { system } from "./system.ts";
import { systemd } from "./systemd.ts";

/** What a host tells about itself. */
export const HOST_KINDS: readonly CollectorKind[] = [
  cpu,
  mem,
  swap,
  disk,
  diskio,
  net,
  netstat,
  system,
  processes,
  hostobject,
  docker,
  containerd,
  systemd,
  logging,
];
