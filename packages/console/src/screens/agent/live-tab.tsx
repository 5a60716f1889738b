import type { Agent, LatestSample } from "@muster/core/resources";
import { useNow } from "../../api/clock.tsx";
import { useSpeech } from "../../i18n/language.tsx";
import { Empty } from "../../parts/empty.tsx";
import { CPU_LIMITS, DISK_LIMITS, MEMORY_LIMITS, toneOfShare } from "../../parts/gauge.tsx";
import { Mark } from "../../parts/mark.tsx";
import { CoreBars } from "./core-bars.tsx";
import { DevicePanels } from "./device-panels.tsx";
import classes from "./live-tab.module.css";
import { MemoryPanel } from "./memory-panel.tsx";
import { Panel } from "./panel.tsx";
import { Stat } from "./stat.tsx";
import { type Trails, useLiveSample } from "./use-live-sample.ts";

/** Older than this the picture is not live: three missed beats of a small fleet, one of a large one. */
const STALE_MS = 12_000;

/** How the host is right now. When nothing arrives any more, it says since when and turns grey. */
export function LiveTab({ agent }: { agent: Agent }) {
  const { say } = useSpeech();
  const { sample, trails } = useLiveSample(agent.id);
  if (sample === null) {
    const reports = agent.capabilities.includes("metrics");
    return (
      <Empty title={say("agent.noSample")} text={reports ? say("agent.noSampleText") : say("agent.noSampleUnable")} />
    );
  }
  if (!sample) return <div className={classes.waiting} aria-busy="true" />;
  return <LivePicture sample={sample} trails={trails} />;
}

function LivePicture({ sample, trails }: { sample: LatestSample; trails: Trails }) {
  const { detail } = sample;
  const now = useNow(1000);
  const old = now - Date.parse(sample.at) > STALE_MS;
  return (
    <div className={classes.live} data-old={old || undefined}>
      {old && <OldMark at={sample.at} now={now} />}
      <Stats sample={sample} trails={trails} />
      {detail && detail.cores.length > 0 && <CoreBars cores={detail.cores} model={detail.cpuModel} />}
      <div className={classes.panels}>
        <MemoryPanel sample={sample} />
        {detail && <DevicePanels detail={detail} />}
      </div>
    </div>
  );
}

function OldMark({ at, now }: { at: string; now: number }) {
  const { say, format } = useSpeech();
  return (
    <div className={`${classes.old} figures`} role="status">
      <Mark tone="unknown" shape="clock" />
      {say("agent.old", { when: format.age(Date.parse(at), now) })}
    </div>
  );
}

function Stats({ sample, trails }: { sample: LatestSample; trails: Trails }) {
  const { say, format } = useSpeech();
  const { values, detail } = sample;
  const cpu = values["system.cpu.utilization"] ?? null;
  const memory = values["system.memory.utilization"] ?? null;
  const disk = values["system.filesystem.utilization"] ?? null;
  const load = detail?.load ?? [values["system.load.1m"], values["system.load.5m"], values["system.load.15m"]];
  const uptime = detail?.uptimeS ?? values["system.uptime"];
  const iowait = values["system.cpu.iowait"];
  return (
    <div className={classes.stats}>
      <Stat
        label={say("agents.cpu")}
        value={format.percent(cpu)}
        tone={toneOfShare(cpu, CPU_LIMITS)}
        note={iowait === undefined ? "" : say("agent.iowaitOf", { share: format.percent(iowait, 1) })}
        trail={trails["system.cpu.utilization"]}
        max={1}
      />
      <Stat
        label={say("agents.memory")}
        value={format.percent(memory)}
        tone={toneOfShare(memory, MEMORY_LIMITS)}
        note={say("agent.of", {
          part: format.bytes(values["system.memory.usage"]),
          whole: format.bytes(values["system.memory.limit"]),
        })}
        trail={trails["system.memory.utilization"]}
        max={1}
      />
      <Stat
        label={say("agents.disk")}
        value={format.percent(disk)}
        tone={toneOfShare(disk, DISK_LIMITS)}
        note={say("agent.of", {
          part: format.bytes(values["system.filesystem.usage"]),
          whole: format.bytes(values["system.filesystem.limit"]),
        })}
        trail={trails["system.filesystem.utilization"]}
        max={1}
      />
      <Stat
        label={say("agent.load")}
        value={load[0] === undefined ? "–" : format.number(load[0], 2)}
        note={load.map((value) => (value === undefined ? "–" : format.number(value, 2))).join(" · ")}
        trail={trails["system.load.1m"]}
      />
      <Stat
        label={say("agent.network")}
        value={`↓ ${format.rate(values["system.network.receive"])}`}
        note={`↑ ${format.rate(values["system.network.transmit"])}`}
        trail={trails["system.network.receive"]}
      />
      <Panel title={say("agent.uptime")}>
        <div className={`${classes.uptime} figures`}>{uptime === undefined ? "–" : format.duration(uptime * 1000)}</div>
        <div className="dim figures">
          {say("agent.processes", { count: detail?.processes.total ?? values["system.processes"] ?? 0 })}
          {detail && ` · ${say("agent.processesRunning", { count: detail.processes.running })}`}
        </div>
      </Panel>
    </div>
  );
}
