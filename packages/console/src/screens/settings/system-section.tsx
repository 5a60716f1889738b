import { useQuery } from "@tanstack/react-query";
import { systemQuery } from "../../api/queries.ts";
import { useSpeech } from "../../i18n/language.tsx";
import { Age } from "../../parts/age.tsx";
import { CopyText } from "../../parts/copy.tsx";
import { FactList } from "../../parts/fact-list.tsx";
import { ErrorNotice } from "../../parts/notice.tsx";
import { Section } from "../../parts/page.tsx";
import { WarningList } from "../../parts/warning-list.tsx";
import { DoorList } from "../overview/door-list.tsx";
import classes from "./settings.module.css";

/** What the server says about itself. */
export function SystemSection() {
  const { say } = useSpeech();
  const { data: system, error, refetch } = useQuery(systemQuery);
  if (error && !system) return <ErrorNotice error={error} retry={() => void refetch()} />;
  if (!system) return null;
  return (
    <div className={classes.prose}>
      <WarningList warnings={system.warnings} />
      <Section title={say("system.title")}>
        <FactList
          facts={[
            { name: say("system.version"), value: system.version },
            { name: say("system.started"), value: <Age at={system.startedAt} /> },
            { name: say("system.url"), value: <CopyText text={system.publicUrl} /> },
            { name: say("system.database"), value: <span className="mono">{system.database}</span> },
            { name: say("system.bus"), value: <span className="mono">{system.bus}</span> },
          ]}
        />
      </Section>
      <DoorList doors={system.doors} />
    </div>
  );
}
