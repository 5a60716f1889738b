import type { Agent, Input } from "@muster/core/resources";
import type { ReactNode } from "react";
import { useSpeech } from "../../i18n/language.tsx";
import { healthOf, nameOf } from "../../logic/input-list.ts";
import type { Tone } from "../../parts/mark.tsx";
import { Notice } from "../../parts/notice.tsx";

/** What the reader should know of an input now: why it does not work, or, after a save, that it does. */
export function StateNotice({ agent, input, isSaved }: { agent: Agent; input: Input; isSaved: boolean }) {
  const { say } = useSpeech();
  const words = useWords(agent, input, isSaved);
  return (
    <>
      {agent.status === "offline" && (
        <Notice tone="attention" title={say("inputs.away", { name: agent.name })}>
          {say("inputs.awayText")}
        </Notice>
      )}
      {words && (
        <Notice tone={words.tone} title={words.title}>
          {words.text}
        </Notice>
      )}
      {input.drifted && input.status !== "pending" && (
        <Notice tone="attention" title={say("inputs.driftedTitle")}>
          {say("inputs.driftedText", { revision: input.revision ?? 0 })}
        </Notice>
      )}
      {!input.managed && (
        <Notice tone="accent" title={say("inputs.unmanagedTitle")}>
          {say("inputs.unmanagedText", { file: input.file })}
        </Notice>
      )}
    </>
  );
}

function useWords(
  agent: Agent,
  input: Input,
  isSaved: boolean,
): { tone: Tone; title: string; text?: ReactNode } | undefined {
  const { say } = useSpeech();
  const about = { input: nameOf(input), name: agent.name };
  const reason = input.error !== null && <p className="foreign">{input.error}</p>;
  switch (healthOf(input)) {
    case "failed":
      return { tone: "wrong", title: say("inputs.runsFailed", about), text: reason };
    case "fallback":
      return { tone: "attention", title: say("inputs.runsFallback"), text: reason };
    case "trouble":
      return { tone: "attention", title: say("inputs.runsTrouble", about), text: reason };
    case "pending":
      if (input.drifted) return { tone: "attention", title: say("inputs.lostTitle"), text: say("inputs.lostText") };
      return isSaved ? { tone: "accent", title: say("inputs.takenPending", about), text: reason } : undefined;
    case "disabled":
      return isSaved ? { tone: "accent", title: say("inputs.takenDisabled", about) } : undefined;
    case "running":
      return isSaved ? { tone: "ok", title: say("inputs.runs", about) } : undefined;
  }
}
