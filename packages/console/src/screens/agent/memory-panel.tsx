import type { LatestSample } from "@muster/core/resources";
import { useSpeech } from "../../i18n/language.tsx";
import { Legend } from "../../parts/legend.tsx";
import classes from "./devices.module.css";
import { Panel } from "./panel.tsx";

/** Memory as used, buffers and cached; swap below, also when there is none. */
export function MemoryPanel({ sample }: { sample: LatestSample }) {
  const { say, format } = useSpeech();
  const { detail } = sample;
  if (!detail) return null;
  const { memory, swap } = detail;
  const parts = [
    { label: say("agent.memoryUsed"), size: memory.used, color: "var(--m-series-0)" },
    { label: say("agent.memoryBuffers"), size: memory.buffers, color: "var(--m-series-2)" },
    { label: say("agent.memoryCached"), size: memory.cached, color: "var(--m-series-1)" },
  ];
  return (
    <Panel title={say("agents.memory")} aside={format.bytes(memory.total)}>
      <div className={classes.stack}>
        {parts.map((part) => (
          <span
            key={part.label}
            title={`${part.label} ${format.bytes(part.size)}`}
            style={{ width: share(part.size, memory.total), background: part.color }}
          />
        ))}
      </div>
      <Legend items={parts.map(({ label, size, color }) => ({ label, color, value: format.bytes(size) }))} />
      <div className={classes.swap}>
        <span>{say("agent.swap")}</span>
        {swap.total > 0 ? (
          <>
            <div className={classes.track}>
              <span style={{ width: share(swap.used, swap.total), background: "var(--m-series-0)" }} />
            </div>
            <span className="figures">
              {say("agent.of", { part: format.bytes(swap.used), whole: format.bytes(swap.total) })}
            </span>
          </>
        ) : (
          <span className="dim">{say("agent.swapNone")}</span>
        )}
      </div>
    </Panel>
  );
}

function share(part: number, whole: number): string {
  return whole > 0 ? `${Math.min(part / whole, 1) * 100}%` : "0";
}
