import { createFormat, type Language } from "../logic/format.ts";
import { AGENT_TEXTS } from "./agent-texts.ts";
import { COMMAND_TEXTS } from "./command-texts.ts";
import { CONFIG_TEXTS } from "./config-texts.ts";
import { FRAME_TEXTS } from "./frame-texts.ts";
import { INPUT_TEXTS } from "./input-texts.ts";
import { LOG_TEXTS } from "./log-texts.ts";
import { SETTINGS_TEXTS } from "./settings-texts.ts";
import { SHARED_TEXTS } from "./shared-texts.ts";

/** Everything the console says, English and Chinese side by side so that neither can be forgotten. */
export const TEXTS = {
  ...SHARED_TEXTS,
  ...FRAME_TEXTS,
  ...AGENT_TEXTS,
  ...INPUT_TEXTS,
  ...LOG_TEXTS,
  ...COMMAND_TEXTS,
  ...CONFIG_TEXTS,
  ...SETTINGS_TEXTS,
} as const;

export type TextKey = keyof typeof TEXTS;

// "{count}" is a value, "{count|agent|agents}" picks a word by a count
type NameIn<Part extends string> = Part extends `${infer Name}|${string}` ? Name : Part;
type NamesIn<Text extends string> = Text extends `${string}{${infer Part}}${infer Rest}`
  ? NameIn<Part> | NamesIn<Rest>
  : never;

/** What a text needs to be told; nothing when it has no placeholders. */
export type TextArguments<Key extends TextKey> = [NamesIn<(typeof TEXTS)[Key][0]>] extends [never]
  ? []
  : [values: Readonly<Record<NamesIn<(typeof TEXTS)[Key][0]>, string | number>>];

/** Texts that need to be told nothing: what a list of labels may name. */
export type PlainTextKey = { [Key in TextKey]: TextArguments<Key> extends [] ? Key : never }[TextKey];

/** Says a text in one language. */
export type Say = <Key extends TextKey>(key: Key, ...values: TextArguments<Key>) => string;

export function createSay(language: Language): Say {
  const index = language === "en" ? 0 : 1;
  const format = createFormat(language);
  const plural = new Intl.PluralRules(language);
  return (key, ...values) => fill(TEXTS[key][index], values[0] ?? {}, { format, plural });
}

function fill(
  text: string,
  values: Readonly<Record<string, string | number>>,
  rules: { format: ReturnType<typeof createFormat>; plural: Intl.PluralRules },
): string {
  return text.replace(/\{(\w+)(?:\|([^|}]*)\|([^}]*))?\}/g, (whole, name: string, one?: string, other?: string) => {
    const value = values[name];
    if (value === undefined) return whole;
    if (one !== undefined) return (rules.plural.select(Number(value)) === "one" ? one : other) ?? "";
    return typeof value === "number" ? rules.format.number(value) : value;
  });
}
