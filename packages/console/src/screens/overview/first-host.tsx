import { Button } from "@mantine/core";
import { Link } from "react-router";
import { useMay } from "../../app/session.tsx";
import { useSpeech } from "../../i18n/language.tsx";
import { CopyLine } from "../../parts/copy.tsx";
import { Section } from "../../parts/page.tsx";
import classes from "./overview.module.css";

/** An empty fleet teaches how to fill it. */
export function FirstHost() {
  const { say } = useSpeech();
  const admin = useMay("admin");
  return (
    <Section title={say("first.title")}>
      <div className={classes.first}>
        <p>{admin ? say("first.text") : say("agents.noneTextViewer")}</p>
        <CopyLine label={say("first.title")} text={`muster agent --server ${location.origin} --token tkn_…`} />
        {admin && (
          <div>
            <Button component={Link} to="/agents/add">
              {say("addHost.title")}
            </Button>
          </div>
        )}
      </div>
    </Section>
  );
}
