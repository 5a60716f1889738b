import type { ReactNode } from "react";
import { Link } from "react-router";
import classes from "./tabs.module.css";

/** Tabs that are links, so that every view can be given to somebody else. */
export function LinkTabs(props: {
  label: string;
  current: string;
  tabs: readonly { id: string; to: string; label: ReactNode }[];
}) {
  return (
    <nav className={classes.tabs} aria-label={props.label}>
      {props.tabs.map((tab) => (
        <Link
          key={tab.id}
          to={tab.to}
          replace
          className={classes.tab}
          aria-current={tab.id === props.current ? "page" : undefined}
        >
          {tab.label}
        </Link>
      ))}
    </nav>
  );
}
