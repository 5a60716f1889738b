import type { SystemInfo } from "@muster/core/resources";
import type { PlainTextKey } from "../i18n/dictionary.ts";
import { useSpeech } from "../i18n/language.tsx";
import { Notice } from "./notice.tsx";

/** The server's warnings that we can say in the reader's language; others are shown as the server wrote them. */
const KNOWN: Readonly<Record<string, PlainTextKey>> = {
  default_token: "warning.default_token",
  no_tls: "warning.no_tls",
  descriptors: "warning.descriptors",
  local_only: "warning.local_only",
};

/** Being closed to others is how one starts, and nothing to be alarmed by. */
const CALM: ReadonlySet<string> = new Set(["local_only"]);

/** What the operator should know, most serious first. */
export function WarningList({ warnings }: { warnings: SystemInfo["warnings"] }) {
  const { say } = useSpeech();
  return warnings.map(({ code, message }) => {
    const known = KNOWN[code];
    const text = known ? say(known) : message;
    return <Notice key={code + message} tone={CALM.has(code) ? "accent" : "attention"} title={text} />;
  });
}
