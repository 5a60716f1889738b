import type { ReactNode } from "react";
import classes from "./page.module.css";

/** A screen: what it is called, what one can do, and the rest. `fill` gives a table the height that is left. */
export function Page(props: {
  title: ReactNode;
  facts?: ReactNode;
  actions?: ReactNode;
  fill?: boolean;
  prose?: boolean;
  children: ReactNode;
}) {
  const { title, facts, actions, fill, prose, children } = props;
  return (
    <div className={classes.page} data-fill={fill || undefined} data-prose={prose || undefined}>
      <header className={classes.head}>
        <div className={classes.naming}>
          <h1 className={classes.title}>{title}</h1>
          {facts && <div className={classes.facts}>{facts}</div>}
        </div>
        {actions && <div className={classes.actions}>{actions}</div>}
      </header>
      {children}
    </div>
  );
}

/** A part of a page with a heading of its own. */
export function Section(props: { title: ReactNode; aside?: ReactNode; children: ReactNode }) {
  return (
    <section className={classes.section}>
      <header className={classes.sectionHead}>
        <h2>{props.title}</h2>
        {props.aside && <div>{props.aside}</div>}
      </header>
      {props.children}
    </section>
  );
}
