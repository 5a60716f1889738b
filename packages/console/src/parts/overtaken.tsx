import { Button } from "@mantine/core";
import type { ConfigFormat } from "@muster/core/resources";
import { useState } from "react";
import { useSpeech } from "../i18n/language.tsx";
import type { SavedText } from "../logic/input-draft.ts";
import { CodeDiff } from "./code/code.tsx";
import editor from "./input-editor.module.css";
import { Notice } from "./notice.tsx";

/** Somebody else saved while this was written: what they did, and whose text goes on. */
export function Overtaken(props: {
  newest: SavedText & { readonly by: string | null };
  base: SavedText;
  format?: ConfigFormat;
  takeTheirs: () => void;
  keepMine: () => void;
}) {
  const { newest, base, format = "toml", takeTheirs, keepMine } = props;
  const { say } = useSpeech();
  const [seen, setSeen] = useState(false);
  return (
    <>
      <Notice tone="attention" title={say("inputs.overtaken", { revision: newest.revision ?? 0 })}>
        <p className="foreign">{say("inputs.overtakenText", { who: newest.by ?? "?" })}</p>
        <div className={editor.choices}>
          <Button variant="default" size="xs" aria-expanded={seen} onClick={() => setSeen(!seen)}>
            {say("inputs.seeTheirs")}
          </Button>
          <Button variant="default" size="xs" onClick={takeTheirs}>
            {say("inputs.takeTheirs")}
          </Button>
          <Button variant="default" size="xs" onClick={keepMine}>
            {say("inputs.keepMine")}
          </Button>
        </div>
      </Notice>
      {seen && <CodeDiff before={base.toml} after={newest.toml} label={say("inputs.seeTheirs")} format={format} />}
    </>
  );
}
