import type { Series } from "../../logic/series.ts";
import { Sparkline } from "../../parts/sparkline.tsx";
import classes from "./live-tab.module.css";
import { Panel } from "./panel.tsx";

/** One number that matters, what it is made of, and its last minutes. */
export function Stat(props: {
  label: string;
  value: string;
  note: string;
  trail: Series;
  max?: number;
  tone?: "accent" | "attention" | "wrong";
}) {
  const { label, value, note, trail, max, tone = "accent" } = props;
  const color = tone === "accent" ? undefined : `var(--m-${tone})`;
  return (
    <Panel title={label}>
      <div className={classes.value} style={color ? { color } : undefined}>
        {value}
      </div>
      <Sparkline series={trail} width={200} height={36} stretch {...(max !== undefined && { max })} />
      <div className={`${classes.note} figures`}>{note}</div>
    </Panel>
  );
}
