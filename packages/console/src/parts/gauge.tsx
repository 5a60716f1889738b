import { useSpeech } from "../i18n/language.tsx";
import type { Series } from "../logic/series.ts";
import classes from "./gauge.module.css";
import { Sparkline } from "./sparkline.tsx";

/** From which share on a value wants attention, and from which it is wrong. */
export interface Thresholds {
  readonly attention: number;
  readonly wrong: number;
}

export const CPU_LIMITS: Thresholds = { attention: 0.9, wrong: 2 };
export const MEMORY_LIMITS: Thresholds = { attention: 0.9, wrong: 0.97 };
export const DISK_LIMITS: Thresholds = { attention: 0.85, wrong: 0.95 };

export function toneOfShare(share: number | null, limits: Thresholds): "accent" | "attention" | "wrong" {
  if (share === null || share < limits.attention) return "accent";
  return share < limits.wrong ? "attention" : "wrong";
}

/** A share in a table cell: number, bar, and where there is one the recent past. */
export function CellGauge(props: { share: number | null; limits: Thresholds; series?: Series; faded?: boolean }) {
  const { share, limits, series, faded } = props;
  const { format } = useSpeech();
  const tone = toneOfShare(share, limits);
  return (
    <span className={classes.cell} data-faded={faded || undefined}>
      <span className={classes.figure} data-tone={tone}>
        {format.percent(share)}
      </span>
      {series && series.times.length > 1 ? (
        <Sparkline series={series} max={1} width={56} height={18} />
      ) : (
        <span className={classes.track}>
          <span
            className={classes.fill}
            style={{ width: `${Math.min(share ?? 0, 1) * 100}%`, background: `var(--m-${tone}-fill)` }}
          />
        </span>
      )}
    </span>
  );
}
