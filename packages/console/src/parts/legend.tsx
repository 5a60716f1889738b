import classes from "./legend.module.css";

/** Which colour means what, with the present value where there is one. */
export function Legend({ items }: { items: readonly { label: string; color: string; value?: string }[] }) {
  return (
    <ul className={classes.legend}>
      {items.map((item) => (
        <li key={item.label}>
          <span className={classes.swatch} style={{ background: item.color }} />
          <span className="cut foreign">{item.label}</span>
          {item.value !== undefined && <span className={classes.value}>{item.value}</span>}
        </li>
      ))}
    </ul>
  );
}
