import type { ReactNode } from "react";
import classes from "./panel.module.css";

/** A bordered part of the live picture. */
export function Panel(props: { title: string; aside?: ReactNode; wide?: boolean; children: ReactNode }) {
  return (
    <section className={classes.panel} data-wide={props.wide || undefined}>
      <header className={classes.head}>
        <h3>{props.title}</h3>
        {props.aside && <span className={classes.aside}>{props.aside}</span>}
      </header>
      {props.children}
    </section>
  );
}
