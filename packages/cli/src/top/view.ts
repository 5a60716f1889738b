import type { Agent, LatestSample } from "@muster/core/resources";
import { formatAgo, formatBytes, formatElapsed, formatRate, formatRatio } from "../terminal/format.ts";
import { sanitizeLine } from "../terminal/sanitize.ts";
import type { Style } from "../terminal/style.ts";
import { pad, truncate } from "../terminal/width.ts";

/** What one picture is drawn from. */
export interface TopPicture {
  readonly agent: Agent;
  readonly sample: LatestSample | null;
  readonly now: number;
  /** Columns and rows to stay within. */
  readonly width: number;
  readonly height: number;
  /** Words about the connection when it is not open. */
  readonly connection: string | null;
  readonly style: Style;
}

/** A sample older than this is shown as old, never as if true. */
const STALE_MS = 40_000;
const MIN_CORE_WIDTH = 26;

/** The lines of `muster top`, at most `height` of them. */
export function drawTop(picture: TopPicture): string[] {
  const { agent, sample, style } = picture;
  const head = drawHead(picture);
  if (!sample) return [...head, "", "waiting for the first reading of this host"];
  const lines = [...head, "", ...drawGauges(picture, sample), ...drawCores(picture, sample)];
  lines.push(...drawFilesystems(picture, sample), ...drawRates(picture, sample));
  if (agent.status !== "online")
    lines.push("", style.yellow(`the agent is ${agent.status}: ${sanitizeLine(agent.statusReason)}`));
  return lines.slice(0, picture.height);
}

/** One line for a sample, for pipes. */
export function lineOfSample(sample: LatestSample): string {
  const value = (name: string) => sample.values[name];
  const parts = [
    ["cpu", value("system.cpu.utilization"), formatRatio],
    ["memory", value("system.memory.utilization"), formatRatio],
    ["disk", value("system.filesystem.utilization"), formatRatio],
    ["load", value("system.load.1m"), (load: number) => load.toFixed(2)],
    ["in", value("system.network.receive"), formatRate],
    ["out", value("system.network.transmit"), formatRate],
  ] as const;
  const words = parts
    .filter((part) => part[1] !== undefined)
    .map(([name, number, format]) => `${name} ${format(number ?? 0)}`);
  return `${sample.at}  ${words.join("  ")}`;
}

function drawHead({ agent, sample, now, connection, style, width }: TopPicture): string[] {
  const ageMs = sample ? now - Date.parse(sample.at) : 0;
  const age =
    sample && (ageMs > STALE_MS || connection !== null) ? style.yellow(`reading of ${formatAgo(sample.at, now)}`) : "";
  const system = [agent.os, agent.arch, sample?.detail?.cpuModel].filter((part) => part).join(" · ");
  const uptime = sample?.detail ? `up ${formatElapsed(sample.detail.uptimeS * 1000)}` : "";
  return [
    [
      style.bold(sanitizeLine(agent.name)),
      sanitizeLine(agent.addresses[0] ?? ""),
      uptime,
      age,
      style.red(connection ?? ""),
    ]
      .filter((part) => part !== "")
      .join("  "),
    style.dim(truncate(sanitizeLine(system), width)),
  ];
}

function drawGauges({ width, style }: TopPicture, sample: LatestSample): string[] {
  const { detail, values } = sample;
  const lines: string[] = [];
  const gauge = (name: string, ratio: number | undefined, words: string) => {
    if (ratio === undefined) return;
    lines.push(
      `${pad(name, 8)} ${bar(ratio, Math.min(40, width - 40), style)} ${pad(formatRatio(ratio), 6, "right")}  ${words}`,
    );
  };
  const load = detail ? `load ${detail.load.map((part) => part.toFixed(2)).join(" ")}` : "";
  gauge("cpu", values["system.cpu.utilization"], load);
  const memory = detail ? `${formatBytes(detail.memory.used)} of ${formatBytes(detail.memory.total)}` : "";
  gauge("memory", values["system.memory.utilization"], memory);
  if (detail && detail.swap.total > 0) {
    const { used, total } = detail.swap;
    gauge("swap", used / total, `${formatBytes(used)} of ${formatBytes(total)}`);
  }
  return lines;
}

/** Per core, as many columns as fit: 2 or 128 cores. */
function drawCores({ width, style }: TopPicture, sample: LatestSample): string[] {
  const cores = sample.detail?.cores ?? [];
  if (cores.length < 2) return [];
  const columns = Math.max(1, Math.min(cores.length, Math.floor(width / MIN_CORE_WIDTH)));
  const rows = Math.ceil(cores.length / columns);
  const barWidth = Math.min(24, Math.floor(width / columns) - 14);
  const lines = Array.from({ length: rows }, (_, row) =>
    Array.from({ length: columns }, (_, column) => column * rows + row)
      .filter((index) => index < cores.length)
      .map((index) => {
        const core = cores[index];
        const busy = core ? core.user + core.system + core.iowait : 0;
        return `${pad(String(index), 3, "right")} ${bar(busy, barWidth, style)} ${pad(formatRatio(busy), 6, "right")}`;
      })
      .join("  "),
  );
  return ["", ...lines];
}

function drawFilesystems({ width, style }: TopPicture, sample: LatestSample): string[] {
  const lines = (sample.detail?.filesystems ?? []).map(({ mount, used, total }) => {
    const ratio = total > 0 ? used / total : 0;
    const name = pad(truncate(sanitizeLine(mount), 20), 20);
    return `${name} ${bar(ratio, Math.min(28, width - 52), style)} ${pad(formatRatio(ratio), 6, "right")}  ${formatBytes(used)} of ${formatBytes(total)}`;
  });
  return lines.length === 0 ? [] : ["", ...lines];
}

function drawRates(_: TopPicture, sample: LatestSample): string[] {
  const { detail } = sample;
  if (!detail) return [];
  const cell = (text: string) => pad(truncate(sanitizeLine(text), 16), 16);
  const rate = (bytes: number) => pad(formatRate(bytes), 12, "right");
  const disks = detail.disks.map(
    (disk) =>
      `disk ${cell(disk.device)} read ${rate(disk.readBytes)}  write ${rate(disk.writeBytes)}  busy ${formatRatio(disk.busy)}`,
  );
  const networks = detail.networks.map(
    (network) => `net  ${cell(network.name)} in   ${rate(network.receiveBytes)}  out   ${rate(network.transmitBytes)}`,
  );
  const { total, running } = detail.processes;
  return ["", ...disks, ...networks, "", `${total} processes, ${running} running`];
}

function bar(ratio: number, width: number, style: Style): string {
  const size = Math.max(4, width);
  const filled = Math.round(Math.min(1, Math.max(0, ratio)) * size);
  const paint = ratio >= 0.9 ? style.red : ratio >= 0.75 ? style.yellow : style.green;
  return `[${paint("|".repeat(filled))}${" ".repeat(size - filled)}]`;
}
