import { UnstyledButton } from "@mantine/core";
import classes from "./labels.module.css";

/** Labels as chips; with `onPick` a click filters by one. */
export function LabelChips(props: {
  labels: Readonly<Record<string, string>>;
  limit?: number;
  /** On one line, cut where the place ends, as in tables. */
  single?: boolean;
  onPick?: (key: string, value: string) => void;
}) {
  const { labels, limit = 100, single = false, onPick } = props;
  const pairs = Object.entries(labels);
  return (
    <span className={classes.chips} data-single={single || undefined}>
      {pairs.slice(0, limit).map(([key, value]) => (
        <LabelChip key={key} name={key} value={value} {...(onPick && { onPick })} />
      ))}
      {pairs.length > limit && (
        <span className={classes.more} title={pairs.map(([key, value]) => `${key}=${value}`).join("\n")}>
          +{pairs.length - limit}
        </span>
      )}
    </span>
  );
}

function LabelChip(props: { name: string; value: string; onPick?: (key: string, value: string) => void }) {
  const { name, value, onPick } = props;
  const text = (
    <>
      <span className={classes.key}>{name}</span>
      {value !== "" && <span className={classes.value}>{value}</span>}
    </>
  );
  const title = `${name}=${value}`;
  if (!onPick) {
    return (
      <span className={classes.chip} title={title}>
        {text}
      </span>
    );
  }
  return (
    <UnstyledButton
      className={classes.chip}
      title={title}
      tabIndex={-1}
      onClick={(event) => {
        event.stopPropagation();
        onPick(name, value);
      }}
    >
      {text}
    </UnstyledButton>
  );
}
