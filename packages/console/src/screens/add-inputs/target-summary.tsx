import { useSpeech } from "../../i18n/language.tsx";
import { AgentMark } from "../../parts/status.tsx";
import classes from "./add-inputs.module.css";
import type { InputTargets } from "./use-targets.ts";

/** As many names as anybody reads; the count says how many more there are. */
const MOST_NAMES = 200;

/** Exactly who gets it. */
export function TargetSummary({ targets, isEveryone }: { targets: InputTargets; isEveryone: boolean }) {
  const { say } = useSpeech();
  const { preview } = targets;
  if (!preview) return null;
  const { total, online, items } = preview;
  const names = items.slice(0, MOST_NAMES);
  return (
    <section className={classes.summary} aria-live="polite">
      <div className={`${classes.total} figures`}>
        {say(isEveryone ? "preview.everyone" : "agents.count", { count: total })}
      </div>
      <div className={`${classes.note} figures`}>
        {total === 0 ? say("preview.nobody") : say("preview.online", { count: online })}
      </div>
      {names.length > 0 && (
        <ul className={classes.names}>
          {names.map((item) => (
            <li key={item.id}>
              <AgentMark status={item.status === "online" || item.status === "stale" ? item.status : "offline"} />
              <span className="cut foreign">{item.name}</span>
            </li>
          ))}
          {total > names.length && <li className="dim">{say("preview.more", { count: total - names.length })}</li>}
        </ul>
      )}
    </section>
  );
}
