import { Button } from "@mantine/core";
import { useRouteError } from "react-router";
import { useSpeech } from "../i18n/language.tsx";
import { Notice } from "../parts/notice.tsx";

/** Instead of a screen that threw or could not be fetched (a new version was installed meanwhile). */
export function Broken() {
  const { say } = useSpeech();
  const error = useRouteError();
  return (
    <div style={{ padding: 24, maxWidth: "var(--m-prose)" }}>
      <Notice tone="wrong" title={say("broken.title")}>
        <p>{say("broken.what")}</p>
        <p className="mono dim foreign">{error instanceof Error ? error.message : String(error)}</p>
        <Button variant="default" onClick={() => location.reload()}>
          {say("broken.reload")}
        </Button>
      </Notice>
    </div>
  );
}
