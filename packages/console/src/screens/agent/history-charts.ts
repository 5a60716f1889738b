import type { HostMetricName } from "@muster/core";
import type { PlainTextKey } from "../../i18n/dictionary.ts";

/** What one chart of the history shows. */
export interface ChartPlan {
  readonly title: PlainTextKey;
  readonly unit: "share" | "bytes" | "rate" | "number";
  readonly lines: readonly { readonly name: HostMetricName; readonly label: PlainTextKey; readonly color: number }[];
}

/** The charts of the history tab, in the order in which one looks for a cause. */
export const CHARTS: readonly ChartPlan[] = [
  {
    title: "agents.cpu",
    unit: "share",
    lines: [
      { name: "system.cpu.utilization", label: "history.total", color: 0 },
      { name: "system.cpu.system", label: "agent.system", color: 2 },
      { name: "system.cpu.iowait", label: "agent.iowait", color: 1 },
      { name: "system.cpu.steal", label: "history.steal", color: 3 },
    ],
  },
  {
    title: "agent.load",
    unit: "number",
    lines: [
      { name: "system.load.1m", label: "history.load1", color: 0 },
      { name: "system.load.5m", label: "history.load5", color: 2 },
      { name: "system.load.15m", label: "history.load15", color: 1 },
    ],
  },
  {
    title: "agents.memory",
    unit: "bytes",
    lines: [
      { name: "system.memory.usage", label: "agent.memoryUsed", color: 0 },
      { name: "system.memory.cached", label: "agent.memoryCached", color: 1 },
      { name: "system.swap.usage", label: "agent.swap", color: 5 },
    ],
  },
  {
    title: "agent.filesystems",
    unit: "share",
    lines: [{ name: "system.filesystem.utilization", label: "history.used", color: 0 }],
  },
  {
    title: "agent.disks",
    unit: "rate",
    lines: [
      { name: "system.disk.read", label: "agent.read", color: 0 },
      { name: "system.disk.write", label: "agent.write", color: 1 },
    ],
  },
  {
    title: "agent.networks",
    unit: "rate",
    lines: [
      { name: "system.network.receive", label: "agent.receive", color: 0 },
      { name: "system.network.transmit", label: "agent.transmit", color: 1 },
    ],
  },
];
