import { useQuery } from "@tanstack/react-query";
import { lazy, Suspense, useState } from "react";
import { Navigate, Outlet, useLocation } from "react-router";
import { ServerClockProvider } from "../api/clock.tsx";
import { LiveProvider } from "../api/live.tsx";
import { meQuery } from "../api/queries.ts";
import { ErrorNotice } from "../parts/notice.tsx";
import classes from "./frame.module.css";
import { Palette } from "./palette.tsx";
import { PlaceProvider } from "./place.tsx";
import { Rail } from "./rail.tsx";
import { PrincipalContext } from "./session.tsx";
import { useShortcuts } from "./shortcuts.ts";
import { TopLine } from "./top-line.tsx";

const ShortcutList = lazy(() => import("./shortcut-list.tsx").then((module) => ({ default: module.ShortcutList })));

/** Around every screen but the login: the rail, the top line, the live stream. Shows nothing to nobody. */
export function Frame() {
  const location = useLocation();
  const { data: principal, error, isPending, refetch } = useQuery(meQuery);
  if (isPending) return null;
  if (error) {
    return (
      <div className={classes.alone}>
        <ErrorNotice error={error} retry={() => void refetch()} />
      </div>
    );
  }
  if (!principal) {
    const next = location.pathname + location.search;
    return <Navigate to={next === "/" ? "/login" : `/login?next=${encodeURIComponent(next)}`} replace />;
  }
  return (
    <PrincipalContext value={principal}>
      <LiveProvider>
        <ServerClockProvider>
          <PlaceProvider>
            <Walls />
          </PlaceProvider>
        </ServerClockProvider>
      </LiveProvider>
    </PrincipalContext>
  );
}

function Walls() {
  const [open, setOpen] = useState<"palette" | "shortcuts">();
  useShortcuts({ openPalette: () => setOpen("palette"), openList: () => setOpen("shortcuts") });
  const close = () => setOpen(undefined);
  return (
    <div className={classes.frame}>
      <Rail />
      <TopLine openPalette={() => setOpen("palette")} openShortcuts={() => setOpen("shortcuts")} />
      <main className={classes.main} id="main" tabIndex={-1}>
        <Outlet />
      </main>
      {open === "palette" && <Palette close={close} showShortcuts={() => setOpen("shortcuts")} />}
      <Suspense>{open === "shortcuts" && <ShortcutList close={close} />}</Suspense>
    </div>
  );
}
