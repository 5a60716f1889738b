import { useQuery } from "@tanstack/react-query";
import { configKindsQuery } from "../api/config-queries.ts";
import type { PlainTextKey } from "../i18n/dictionary.ts";
import { useSpeech } from "../i18n/language.tsx";

const KINDS: Readonly<Record<string, PlainTextKey>> = {
  pipeline: "configKind.pipeline",
  settings: "configKind.settings",
  onetime: "configKind.onetime",
  file: "configKind.file",
};

/** What a kind is called: in the reader's language where we know it, as the server says where we do not. */
export function useKindWords(): (kind: string) => string {
  const { say } = useSpeech();
  const { data } = useQuery(configKindsQuery);
  return (kind) => {
    const key = Object.hasOwn(KINDS, kind) ? KINDS[kind] : undefined;
    return key ? say(key) : (data?.find(({ id }) => id === kind)?.title ?? kind);
  };
}
