import { memo } from "react";
import { type Series, sparkPath } from "../logic/series.ts";

/** The recent past without axes; gaps are gaps. */
export const Sparkline = memo(function Sparkline(props: {
  series: Series;
  max?: number;
  width: number;
  height: number;
  color?: string;
  stretch?: boolean;
}) {
  const { series, max, width, height, color = "var(--m-accent-fill)", stretch } = props;
  const path = sparkPath(series, { width, height, max });
  return (
    <svg
      viewBox={`0 0 ${width} ${height}`}
      width={stretch ? "100%" : width}
      height={height}
      preserveAspectRatio="none"
      style={{ display: "block", flex: stretch ? undefined : "none" }}
      aria-hidden="true"
    >
      <path d={path} fill="none" stroke={color} strokeWidth="1.2" vectorEffect="non-scaling-stroke" />
    </svg>
  );
});
