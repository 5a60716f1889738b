import type { AvailableInput } from "@muster/core/resources";
import { useSpeech } from "../../i18n/language.tsx";
import { CollectorList } from "../../parts/collector-list.tsx";
import { Empty } from "../../parts/empty.tsx";
import { ErrorNotice } from "../../parts/notice.tsx";
import type { InputTargets } from "./use-targets.ts";

/** The collectors of the agents that are meant. */
export function ChooseForMany(props: { targets: InputTargets; linkOf: (item: AvailableInput) => string }) {
  const { targets, linkOf } = props;
  const { preview, error, speaker } = targets;
  const { say } = useSpeech();
  if (error) return <ErrorNotice error={error} />;
  if (!preview) return null;
  if (preview.total === 0) return <Empty title={say("inputs.choose")} text={say("bulk.noAgent")} />;
  if (speaker === undefined) return null;
  if (speaker === null) return <Empty title={say("inputs.choose")} text={say("bulk.noOffer")} />;
  return <CollectorList available={speaker.available} name={speaker.name} linkOf={linkOf} />;
}
