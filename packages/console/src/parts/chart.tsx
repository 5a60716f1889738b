import { useEffect, useEffectEvent, useRef } from "react";
import uPlot from "uplot";
import classes from "./chart.module.css";

export interface ChartSeries {
  readonly label: string;
  readonly values: readonly (number | null)[];
  /** Which of the theme's eight colours. */
  readonly color: number;
}

interface ChartProps {
  readonly title: string;
  /** Milliseconds. */
  readonly times: readonly number[];
  readonly series: readonly ChartSeries[];
  readonly span: { readonly from: number; readonly to: number };
  /** Charts with the same key share their cursor. */
  readonly syncKey: string;
  readonly formatValue: (value: number) => string;
  readonly formatTime: (seconds: number) => string;
  /** Under the axis: short. */
  readonly formatTick: (seconds: number) => string;
  /** Fixed top, for shares. */
  readonly max?: number;
  /** Sizes need ticks at powers of two. */
  readonly binary?: boolean;
  readonly onZoom: (from: number, to: number) => void;
  readonly height?: number;
}

/** Lines over time: gaps stay gaps, the cursor moves on all charts of a page, a drag zooms. */
export function Chart(props: ChartProps) {
  const { title, times, series, span, height = 160 } = props;
  const box = useRef<HTMLDivElement>(null);
  const chart = useRef<uPlot>(null);
  const build = useEffectEvent((element: HTMLDivElement) => createChart(element, props, height));
  // a chart is made anew when its shape changes or the theme does, and fed otherwise
  const shape = series.map((line) => `${line.label}/${line.color}`).join("|");

  useEffect(() => {
    const element = box.current;
    if (!element || shape === "") return;
    let made = build(element);
    chart.current = made;
    const remake = new MutationObserver(() => {
      made.destroy();
      made = build(element);
      chart.current = made;
    });
    remake.observe(document.documentElement, { attributeFilter: ["data-mantine-color-scheme", "lang"] });
    const resize = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height }));
    resize.observe(element);
    return () => {
      remake.disconnect();
      resize.disconnect();
      made.destroy();
      chart.current = null;
    };
  }, [shape, height]);

  useEffect(() => {
    chart.current?.setData(toData(times, series), false);
    chart.current?.setScale("x", { min: span.from / 1000, max: span.to / 1000 });
  }, [times, series, span.from, span.to]);

  return (
    <figure className={classes.chart}>
      <figcaption>{title}</figcaption>
      <div ref={box} style={{ minHeight: height }} />
    </figure>
  );
}

function toData(times: readonly number[], series: readonly ChartSeries[]): uPlot.AlignedData {
  return [times.map((at) => at / 1000), ...series.map((line) => [...line.values])];
}

function createChart(element: HTMLDivElement, props: ChartProps, height: number): uPlot {
  const { series, span, syncKey, formatValue, formatTime, max, onZoom } = props;
  const style = getComputedStyle(document.documentElement);
  const read = (name: string) => style.getPropertyValue(`--m-${name}`).trim();
  const font = `12px "Inter Variable", sans-serif`;
  const axis = { stroke: read("faint"), font, grid: { stroke: read("grid"), width: 1 }, ticks: { show: false } };
  const options: uPlot.Options = {
    width: element.clientWidth,
    height,
    padding: [8, 8, 0, 0],
    cursor: {
      sync: { key: syncKey, setSeries: false },
      drag: { x: true, y: false, setScale: false },
      points: { size: 6 },
      focus: { prox: 30 },
    },
    legend: {
      live: true,
      markers: { width: 0, fill: (_, index) => read(`series-${series[index - 1]?.color ?? 0}`) },
    },
    scales: {
      x: { time: true, min: span.from / 1000, max: span.to / 1000 },
      y: { range: (_, __, top) => [0, max ?? Math.max(top * 1.1, 1e-6)] },
    },
    axes: [
      { ...axis, space: 80, size: 28, values: (_, ticks) => ticks.map(props.formatTick) },
      {
        ...axis,
        size: 72,
        space: 36,
        values: (_, ticks) => ticks.map(formatValue),
        ...(props.binary && { splits: (_: uPlot, __: number, ___: number, top: number) => binarySplits(top) }),
      },
    ],
    series: [
      { value: (_, seconds) => (seconds === null ? "" : formatTime(seconds)) },
      ...series.map((line) => ({
        label: line.label,
        stroke: read(`series-${line.color}`),
        width: 1.4,
        spanGaps: false,
        points: { show: false },
        value: (_: uPlot, value: number | null) => (value === null ? "–" : formatValue(value)),
      })),
    ],
    hooks: {
      setSelect: [
        (made) => {
          const { left, width } = made.select;
          if (width > 4) onZoom(made.posToVal(left, "x") * 1000, made.posToVal(left + width, "x") * 1000);
          made.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
        },
      ],
    },
  };
  return new uPlot(options, toData(props.times, series), element);
}

/** Ticks at halves of powers of 1024's steps, so that the axis reads 512 MiB and not 488.3. */
function binarySplits(top: number): number[] {
  const step = 2 ** Math.ceil(Math.log2(Math.max(top, 1) / 4));
  return Array.from({ length: Math.floor(top / step) + 1 }, (_, index) => index * step);
}
