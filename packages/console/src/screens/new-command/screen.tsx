import { formatDuration } from "@muster/core";
import { useQuery } from "@tanstack/react-query";
import { useSearchParams } from "react-router";
import { commandQuery } from "../../api/queries.ts";
import { usePlace } from "../../app/place.tsx";
import { useMay } from "../../app/session.tsx";
import { useSpeech } from "../../i18n/language.tsx";
import { draftFrom, EMPTY_DRAFT } from "../../logic/command-draft.ts";
import { ErrorNotice, Notice } from "../../parts/notice.tsx";
import { Page } from "../../parts/page.tsx";
import { CommandForm } from "./command-form.tsx";
import { readPickedTargets } from "./picked-targets.ts";

/** Where a command is written: what, on whom, within which limits, and exactly who would be hit. */
export function Screen() {
  const { say } = useSpeech();
  usePlace([{ label: say("frame.commands"), to: "/commands" }, { label: say("newCommand.title") }]);
  const operator = useMay("operator");
  const [parameters] = useSearchParams();
  const from = parameters.get("from");
  const earlier = useQuery({ ...commandQuery(from ?? ""), enabled: from !== null });
  const waiting = from !== null && earlier.isPending;
  const groupId = parameters.get("group");
  const selector = parameters.get("labels") ?? "";
  return (
    <Page title={say("newCommand.title")}>
      {!operator && <Notice tone="attention" title={say("newCommand.notAllowed")} />}
      {earlier.error && <ErrorNotice error={earlier.error} />}
      {operator && !waiting && (
        <CommandForm
          key={from ?? ""}
          initial={{
            ...EMPTY_DRAFT,
            ids: readPickedTargets(parameters),
            ...(groupId && { mode: "groups", groups: [groupId] }),
            ...(selector && { mode: "labels", selector }),
            ...(earlier.data && draftFrom(earlier.data, formatDuration)),
          }}
        />
      )}
    </Page>
  );
}
