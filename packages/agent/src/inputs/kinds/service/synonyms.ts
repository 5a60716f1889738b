import * as z from "zod/mini";

/** What DataKit or Telegraf call an option of ours. */
export interface Synonym {
  readonly name: string;
  /** Theirs is one value, ours a list. */
  readonly isList?: boolean;
}

/** The same options, which may also be given under other names; both at once are refused. */
export function withSynonyms<Schema extends z.core.$ZodType>(
  schema: Schema,
  synonyms: Readonly<Record<string, Synonym>>,
) {
  const rename = z.transform((input: unknown, context) => {
    if (typeof input !== "object" || input === null) return input;
    const renamed: Record<string, unknown> = { ...input };
    for (const [former, { name, isList }] of Object.entries(synonyms)) {
      if (!Object.hasOwn(renamed, former)) continue;
      if (Object.hasOwn(renamed, name)) {
        const message = `"${former}" and "${name}" are the same option`;
        context.issues.push({ code: "custom", message, path: [former], input });
        return z.NEVER;
      }
      const value = renamed[former];
      delete renamed[former];
      renamed[name] = isList === true && !Array.isArray(value) ? [value] : value;
    }
    return renamed;
  });
  return z.pipe(rename, schema);
}
