import { ActionIcon, Kbd, Tooltip, UnstyledButton } from "@mantine/core";
import { IconSearch } from "@tabler/icons-react";
import { Fragment } from "react";
import { Link } from "react-router";
import { useSpeech } from "../i18n/language.tsx";
import { ConnectionMark } from "./connection-mark.tsx";
import { useCrumbs } from "./place.tsx";
import { RunningCommands } from "./running-commands.tsx";
import classes from "./top-line.module.css";
import { UserMenu } from "./user-menu.tsx";

/** Where we are, the search, what is running, whether the picture is live, and you. */
export function TopLine({ openPalette, openShortcuts }: { openPalette: () => void; openShortcuts: () => void }) {
  const { say } = useSpeech();
  const apple = /mac|iphone|ipad/i.test(navigator.platform);
  return (
    <header className={classes.line}>
      <Breadcrumb />
      <UnstyledButton className={classes.search} onClick={openPalette} aria-label={say("frame.search")}>
        <IconSearch size={15} stroke={1.8} />
        <span className={classes.words}>{say("frame.search")}</span>
        <Kbd size="xs" className={classes.words}>
          {apple ? "⌘K" : "Ctrl K"}
        </Kbd>
      </UnstyledButton>
      <Tooltip label={say("frame.search")}>
        <ActionIcon className={classes.searchIcon} onClick={openPalette} aria-label={say("frame.search")}>
          <IconSearch size={18} stroke={1.6} />
        </ActionIcon>
      </Tooltip>
      <RunningCommands />
      <ConnectionMark />
      <UserMenu openShortcuts={openShortcuts} />
    </header>
  );
}

function Breadcrumb() {
  const { say } = useSpeech();
  const crumbs = useCrumbs();
  return (
    <nav className={classes.crumbs} aria-label={say("frame.where")}>
      {crumbs.map((crumb, index) => (
        <Fragment key={`${crumb.to ?? ""}${crumb.label}`}>
          {index > 0 && <span className={classes.slash}>/</span>}
          {crumb.to ? (
            <Link className={classes.crumb} to={crumb.to}>
              {crumb.label}
            </Link>
          ) : (
            <span className={`${classes.crumb} ${classes.last}`} aria-current="page" title={crumb.label}>
              {crumb.label}
            </span>
          )}
        </Fragment>
      ))}
    </nav>
  );
}
