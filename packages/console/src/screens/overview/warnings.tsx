import type { SystemInfo } from "@muster/core/resources";
import { Link } from "react-router";
import { useSpeech } from "../../i18n/language.tsx";
import { Notice } from "../../parts/notice.tsx";
import { WarningList } from "../../parts/warning-list.tsx";
import classes from "./overview.module.css";

/** What the operator should know, most serious first. Nothing when all is well. */
export function Warnings({ system, conflicts }: { system: SystemInfo; conflicts: number }) {
  const { say } = useSpeech();
  if (system.warnings.length === 0 && conflicts === 0) return null;
  return (
    <div className={classes.warnings}>
      <WarningList warnings={system.warnings} />
      {conflicts > 0 && (
        <Notice tone="attention" title={say("overview.conflicts", { count: conflicts })}>
          <span>
            {say("agent.conflictText")}{" "}
            <Link className="link" to="/agents">
              {say("frame.agents")}
            </Link>
          </span>
        </Notice>
      )}
    </div>
  );
}
