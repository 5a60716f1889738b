import type { CollectorKind } from "../../collector.ts";
import { dnsCheck } from "./checks/dns-check.ts";
import { httpCheck } from "./checks/http-check.ts";
import { ping } from "./checks/ping.ts";
import { tcpCheck } from "./checks/tcp-check.ts";
import { mysql } from "./databases/mysql.ts";
import { postgresql } from "./databases/postgresql.ts";
import { redis } from "./databases/redis.ts";
import { exec } from "./exec/exec.ts";
import { nginx } from "./nginx.ts";
import { prom } from "./prom/prom.ts";
import { statsd } from "./statsd/statsd.ts";

/** What services on this host and elsewhere tell about themselves. */
export const SERVICE_KINDS: readonly CollectorKind[] = [
  prom,
  httpCheck,
  tcpCheck,
  dnsCheck,
  ping,
  nginx,
  redis,
  postgresql,
  mysql,
  statsd,
  exec,
];
