import type { AvailableInput } from "@muster/core/resources";

/** What this agent can collect: the table of kinds without loading it. documents.test.ts writes it and holds both equal. */
export const AVAILABLE_INPUTS: readonly AvailableInput[] = [
  { input: "cpu", catalog: "host", inputType: "datakit", summary: "Usage of the processors, in all and by core" },
  { input: "disk", catalog: "host", inputType: "datakit", summary: "Filesystems: size, use and inodes" },
  {
    input: "diskio",
    catalog: "host",
    inputType: "datakit",
    summary: "Disks: what is read and written, how long it takes, how busy they are",
  },
  {
    input: "dns_check",
    catalog: "network",
    inputType: "datakit",
    summary: "Whether name servers answer, how fast, and with what they should",
  },
  {
    input: "host_processes",
    catalog: "host",
    inputType: "datakit",
    summary: "Processes as objects, and on demand as metrics: CPU, memory, threads, open files",
  },
  {
    input: "hostobject",
    catalog: "host",
    inputType: "datakit",
    summary: "One object for the host: system, hardware, filesystems, network, the agent and its inputs",
  },
  {
    input: "http_check",
    catalog: "network",
    inputType: "datakit",
    summary: "Whether web addresses answer as they should, how fast, and for how long their certificates hold",
  },
  {
    input: "logging",
    catalog: "host",
    inputType: "datakit",
    summary: "Follows log files through rotations and restarts, without losing or doubling lines",
  },
  {
    input: "mem",
    catalog: "host",
    inputType: "datakit",
    summary: "Memory: used, available, cached and what the kernel does with it",
  },
  {
    input: "mysql",
    catalog: "db",
    inputType: "datakit",
    summary: "Statements, connections, InnoDB, replication and sizes of MySQL and MariaDB",
  },
  {
    input: "net",
    catalog: "host",
    inputType: "datakit",
    summary: "Traffic, errors and drops by interface, and the counters of TCP, UDP and the others",
  },
  {
    input: "netstat",
    catalog: "host",
    inputType: "datakit",
    summary: "Connections by state, for the host and for chosen ports",
  },
  {
    input: "nginx",
    catalog: "nginx",
    inputType: "datakit",
    summary: "Connections and requests of nginx, from stub_status or vhost_traffic_status",
  },
  {
    input: "ping",
    catalog: "network",
    inputType: "datakit",
    summary: "Packets lost on the way to hosts, and how long the others took",
  },
  {
    input: "postgresql",
    catalog: "db",
    inputType: "datakit",
    summary: "Databases, connections, checkpoints, replication and table sizes of PostgreSQL",
  },
  {
    input: "prom",
    catalog: "prometheus",
    inputType: "datakit",
    summary: "Metrics of exporters that speak Prometheus' text format or OpenMetrics",
  },
  {
    input: "redis",
    catalog: "db",
    inputType: "datakit",
    summary: "Memory, clients, hits, commands, keys and replication of Redis",
  },
  { input: "swap", catalog: "host", inputType: "datakit", summary: "Swap: size, use and what went in and out" },
  {
    input: "system",
    catalog: "host",
    inputType: "datakit",
    summary: "Load, uptime, processors, users, processes, tracked connections and open files",
  },
  {
    input: "tcp_check",
    catalog: "network",
    inputType: "datakit",
    summary: "Whether ports can be reached and say what they should",
  },
];
