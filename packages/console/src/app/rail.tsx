import { NavLink } from "react-router";
import { useSpeech } from "../i18n/language.tsx";
import mark from "../theme/muster.svg";
import { DESTINATIONS, type Destination } from "./places.ts";
import classes from "./rail.module.css";
import { useMay } from "./session.tsx";

/** The way to every noun: icons with words, icons alone when it is narrow, a bar below on phones. */
export function Rail() {
  const { say } = useSpeech();
  const admin = useMay("admin");
  return (
    <nav className={classes.rail} aria-label={say("frame.navigation")}>
      <div className={classes.mark}>
        <img src={mark} alt="" width={22} height={22} />
        <span className={classes.word}>Muster</span>
      </div>
      {(DESTINATIONS as readonly Destination[])
        .filter((place) => place.role !== "admin" || admin)
        .map(({ path, label, icon: Icon, onPhone }) => (
          <NavLink
            key={path}
            to={path}
            end={path === "/"}
            data-phone={onPhone}
            className={({ isActive }) => `${classes.entry} ${isActive ? classes.here : ""}`}
            title={say(label)}
          >
            <Icon size={18} stroke={1.6} />
            <span className={classes.word}>{say(label)}</span>
          </NavLink>
        ))}
    </nav>
  );
}
