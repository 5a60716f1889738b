/** The newest values of one measurement, oldest first; bounded so that a page left open for a week does not grow. */
export interface Series {
  readonly times: readonly number[];
  readonly values: readonly (number | null)[];
}

export const EMPTY_SERIES: Series = { times: [], values: [] };

/** Adds a value when it is newer than the last, and forgets what is beyond `limit`. */
export function appendPoint(series: Series, at: number, value: number | null, limit = 120): Series {
  const last = series.times.at(-1);
  if (last !== undefined && at <= last) return series;
  const skip = Math.max(0, series.times.length + 1 - limit);
  return { times: [...series.times.slice(skip), at], values: [...series.values.slice(skip), value] };
}

/**
 * The path of a sparkline in a box, with a gap wherever the time between two points is over three times the usual.
 * Zero-based; `max` fixes the top, otherwise the largest value does.
 */
export function sparkPath(series: Series, box: { width: number; height: number; max?: number | undefined }): string {
  const { times, values } = series;
  const from = times[0];
  const to = times.at(-1);
  if (from === undefined || to === undefined || to <= from) return "";
  const top = box.max ?? Math.max(...values.map((value) => value ?? 0), 1e-9);
  const usual = median(times.slice(1).map((at, index) => at - (times[index] ?? at)));
  const parts: string[] = [];
  let drawing = false;
  for (const [index, at] of times.entries()) {
    const value = values[index];
    const gap = index > 0 && at - (times[index - 1] ?? at) > usual * 3;
    if (value === null || value === undefined) {
      drawing = false;
      continue;
    }
    const x = ((at - from) / (to - from)) * box.width;
    const y = box.height - (Math.min(Math.max(value, 0), top) / top) * (box.height - 1) - 0.5;
    parts.push(`${drawing && !gap ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`);
    drawing = true;
  }
  return parts.join("");
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}
