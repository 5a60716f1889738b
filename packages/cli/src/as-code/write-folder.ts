import { mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { MusterError } from "@muster/core";
import type { Config, ConfigFormat, Group } from "@muster/core/resources";
import { Document, parse, Scalar, stringify } from "yaml";
import { CONFIGS_FOLDER, GROUPS_FILE, isHead } from "./read-folder.ts";
import { compare, type ServerState } from "./server-state.ts";

/** A file of an export; its path is inside the folder, with slashes. */
export interface ExportedFile {
  readonly path: string;
  readonly text: string;
}

const EXTENSIONS: Readonly<Record<ConfigFormat, string>> = { yaml: "yaml", toml: "toml", json: "json", text: "txt" };
const TEXTS_FOLDER = "texts";

const GROUPS_COMMENT = `# Groups, in the order in which they give their configs: where two give the same one, the later decides.
`;

/** The files that declare what a server has; the same files for the same state. `beside`: texts in files of their own. */
export function describeServer(
  { groups, configs }: ServerState,
  textOf: (config: Config) => string,
  { beside }: { readonly beside: boolean },
): ExportedFile[] {
  const orderOf = new Map(groups.map(({ id }, index) => [id, index]));
  const files: ExportedFile[] = [{ path: GROUPS_FILE, text: describeGroups(groups) }];
  const taken = new Set<string>();
  for (const config of configs.toSorted((left, right) => compare(left.name, right.name))) {
    const file = uniqueFileName(config.name, taken);
    const given = config.groups
      .toSorted((left, right) => (orderOf.get(left.id) ?? 0) - (orderOf.get(right.id) ?? 0))
      .map(({ name, revision }) => (revision === config.revision ? name : { group: name, revision }));
    const head = {
      ...(file !== config.name && { name: config.name }),
      kind: config.kind,
      format: config.format,
      ...(config.description !== "" && { description: config.description }),
      ...(config.agentType !== "" && { agentType: config.agentType }),
      ...(config.expiresAt !== null && { expiresAt: config.expiresAt }),
      groups: given,
    };
    const text = textOf(config);
    if (beside) {
      const path = `${TEXTS_FOLDER}/${file}.${EXTENSIONS[config.format]}`;
      files.push({ path: `${CONFIGS_FOLDER}/${path}`, text });
      files.push({ path: `${CONFIGS_FOLDER}/${file}.yaml`, text: toYaml({ ...head, file: path }) });
    } else files.push({ path: `${CONFIGS_FOLDER}/${file}.yaml`, text: toYaml({ ...head, text }) });
  }
  return files.sort((left, right) => compare(left.path, right.path));
}

/** Writes the files, and answers those in `configs/` that declare other configs; with `prune` these are deleted. */
export async function writeFolder(
  dir: string,
  files: readonly ExportedFile[],
  { prune }: { readonly prune: boolean },
): Promise<string[]> {
  await mkdir(join(dir, CONFIGS_FOLDER), { recursive: true });
  for (const { path, text } of files) {
    await mkdir(dirname(join(dir, path)), { recursive: true });
    await writeFile(join(dir, path), text);
  }
  const written = new Set(files.map(({ path }) => path));
  const others = (await readdir(join(dir, CONFIGS_FOLDER)))
    .filter(isHead)
    .map((name) => `${CONFIGS_FOLDER}/${name}`)
    .filter((path) => !written.has(path));
  if (prune) for (const path of others) await rm(join(dir, path));
  return others.sort();
}

/** A name as a file name, on every system: what could be more than a name is written as in URLs. */
export function fileNameOf(name: string): string {
  return name
    .toWellFormed()
    .replace(/[^\p{L}\p{M}\p{N} ._()+,;=-]/gu, encodeURIComponent)
    .replace(/^[. ]|[. ]$/g, (character) => (character === "." ? "%2E" : "%20"))
    .replace(/\*/g, "%2A");
}

/** A number behind it where another name is the same to systems that do not tell cases apart. */
function uniqueFileName(name: string, taken: Set<string>): string {
  const file = fileNameOf(name);
  let unique = file;
  const key = () => unique.normalize("NFC").toLowerCase();
  for (let number = 2; taken.has(key()); number++) unique = `${file}~${number}`;
  taken.add(key());
  return unique;
}

function describeGroups(groups: readonly Group[]): string {
  const list = groups.map((group) => ({
    name: group.name,
    ...(group.description !== "" && { description: group.description }),
    ...(group.selector !== null && { selector: group.selector }),
    ...(group.tags.length > 0 && { tags: group.tags.map(({ name, value }) => ({ name, value })) }),
    ...(group.agentIds.length > 0 && { agents: group.agentIds.toSorted(compare) }),
    position: group.position,
  }));
  return GROUPS_COMMENT + toYaml({ groups: list });
}

/** Texts as blocks that can be read and compared line by line, where a block says exactly the same. */
function toYaml(value: Readonly<Record<string, unknown>>): string {
  const options = { lineWidth: 0, blockQuote: "literal" } as const;
  const asBlock = stringify(value, options);
  if (typeof value.text !== "string" || parse(asBlock).text === value.text) return asBlock;
  const document = new Document(value);
  const text = new Scalar(value.text);
  text.type = "QUOTE_DOUBLE";
  document.set("text", text);
  const quoted = document.toString(options);
  if (parse(quoted).text === value.text) return quoted;
  throw new MusterError("failed_precondition", "the text of a config cannot be written as YAML; use --texts-beside", {
    name: value.name,
  });
}
