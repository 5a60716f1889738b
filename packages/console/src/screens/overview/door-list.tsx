import type { Door } from "@muster/core/resources";
import { useSpeech } from "../../i18n/language.tsx";
import { Mark } from "../../parts/mark.tsx";
import { Section } from "../../parts/page.tsx";
import classes from "./overview.module.css";

/** Which doors are open to whom: the question before every other. */
export function DoorList({ doors }: { doors: readonly Door[] }) {
  const { say } = useSpeech();
  if (doors.length === 0) return null;
  return (
    <Section title={say("doors.title")}>
      <div className={classes.list}>
        {doors.map((door) => (
          <div key={door.name} className={`${classes.entry} ${classes.door}`}>
            <span className={classes.word}>
              <Mark tone={door.policy === "off" ? "unknown" : "ok"} shape={door.policy === "off" ? "slash" : "disc"} />
              {door.name}
            </span>
            <span>
              {door.openTo}
              {door.listeners.length > 0 && <span className="dim mono"> {door.listeners.join(" ")}</span>}
            </span>
            <span className="dim figures">{say("doors.connections", { count: door.connections })}</span>
          </div>
        ))}
      </div>
    </Section>
  );
}
