import { readdir, readFile, realpath, stat } from "node:fs/promises";
import { basename, dirname, isAbsolute, join, relative } from "node:path";
import { CONFIG_FORMATS, CONFIG_LIMITS } from "@muster/core";
import { LineCounter, parseDocument } from "yaml";
import {
  type DeclaredAssignment,
  type DeclaredConfig,
  type DeclaredGroup,
  type Folder,
  folderError,
} from "./declared.ts";
import { Fields } from "./fields.ts";

export const GROUPS_FILE = "groups.yaml";
export const CONFIGS_FOLDER = "configs";

/** A text at its limit, as YAML indents it. */
const MAX_FILE_BYTES = 4 * CONFIG_LIMITS.textBytes;
const MAX_CONFIGS = 10_000;

/** Reads `groups.yaml` and `configs/*.yaml` of a folder. Throws failed_precondition for a folder that has neither, and for every mistake. */
export async function readFolder(dir: string): Promise<Folder> {
  const root = await realpath(dir).catch(() => {
    throw folderError(dir, "there is no such folder");
  });
  const groups = await readIfThere(root, GROUPS_FILE);
  const heads = await listHeads(root);
  if (groups === undefined && heads === undefined)
    throw folderError(dir, `there is neither ${GROUPS_FILE} nor ${CONFIGS_FOLDER}/ in it`);
  const configs: DeclaredConfig[] = [];
  for (const head of heads ?? []) configs.push(await readConfig(root, `${CONFIGS_FOLDER}/${head}`));
  assertUnique(configs.map(({ name, place }) => ({ name, place })));
  return {
    groups: groups === undefined ? undefined : readGroups(groups),
    configs: heads === undefined ? undefined : configs.sort((left, right) => (left.name < right.name ? -1 : 1)),
  };
}

function readGroups(text: string): DeclaredGroup[] {
  const fields = new Fields(parseYaml(text, GROUPS_FILE) ?? {}, GROUPS_FILE);
  const groups = fields.list("groups", readGroup) ?? [];
  fields.end();
  assertUnique(groups.map(({ name }) => ({ name, place: GROUPS_FILE })));
  return groups;
}

function readGroup(value: unknown, place: string): DeclaredGroup {
  const fields = new Fields(value, place);
  const group = {
    name: fields.requiredText("name"),
    description: fields.text("description") ?? "",
    selector: fields.text("selector")?.trim() || null,
    tags: fields.list("tags", readTag) ?? [],
    agents: fields.list("agents", readWord) ?? [],
    position: fields.count("position"),
  };
  fields.end();
  return group;
}

function readTag(value: unknown, place: string): { name: string; value: string } {
  const fields = new Fields(value, place);
  const tag = { name: fields.requiredText("name"), value: fields.requiredText("value") };
  fields.end();
  return tag;
}

async function readConfig(root: string, place: string): Promise<DeclaredConfig> {
  const fields = new Fields(parseYaml(await readText(root, place), place), place);
  const inline = fields.text("text");
  const file = fields.text("file");
  const config = {
    name: fields.text("name") ?? nameOf(place),
    kind: fields.requiredText("kind"),
    format: fields.oneOf("format", CONFIG_FORMATS),
    description: fields.text("description") ?? "",
    agentType: fields.text("agentType") ?? "",
    expiresAt: readInstant(fields.text("expiresAt"), place),
    groups: fields.list("groups", readAssignment),
    place,
  };
  fields.end();
  if ((inline === undefined) === (file === undefined))
    throw folderError(place, "expected either text, or file: the name of a file beside it");
  const repeated = config.groups?.find(
    ({ group }, index, all) => all.findIndex((one) => one.group === group) !== index,
  );
  if (repeated) throw folderError(place, `groups: ${repeated.group} is there twice`);
  return { ...config, text: inline ?? (await readText(root, join(dirname(place), file ?? ""))) };
}

/** The name of a group, or `{group, revision}`. */
function readAssignment(value: unknown, place: string): DeclaredAssignment {
  if (typeof value === "string") return { group: value, revision: undefined };
  const fields = new Fields(value, place);
  const assignment = { group: fields.requiredText("group"), revision: fields.count("revision") };
  fields.end();
  return assignment;
}

function readWord(value: unknown, place: string): string {
  if (typeof value === "string" && value !== "") return value;
  throw folderError(place, "expected the id or the name of an agent");
}

function readInstant(text: string | undefined, place: string): string | null {
  if (text === undefined) return null;
  const instant = Date.parse(text);
  if (Number.isNaN(instant)) throw folderError(place, "expiresAt: expected an instant such as 2030-01-01T00:00:00Z");
  return new Date(instant).toISOString();
}

function nameOf(place: string): string {
  return basename(place).replace(/\.ya?ml$/, "");
}

function parseYaml(text: string, place: string): unknown {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const [error] = [...document.errors, ...document.warnings];
  if (error) {
    const { line, col } = lines.linePos(error.pos[0]);
    throw folderError(`${place}:${line}:${col}`, error.message);
  }
  try {
    return document.toJS({ maxAliasCount: 100 });
  } catch (error) {
    throw folderError(place, error instanceof Error ? error.message : "cannot be read");
  }
}

/** The files that declare a config each, sorted; undefined when there is no folder of them. */
async function listHeads(root: string): Promise<string[] | undefined> {
  const entries = await readdir(join(root, CONFIGS_FOLDER), { withFileTypes: true }).catch((error: unknown) => {
    if (isMissing(error)) return undefined;
    throw folderError(CONFIGS_FOLDER, wordsOf(error));
  });
  const heads = entries?.filter((entry) => !entry.isDirectory() && isHead(entry.name)).map(({ name }) => name);
  if ((heads?.length ?? 0) > MAX_CONFIGS) throw folderError(CONFIGS_FOLDER, `more than ${MAX_CONFIGS} configs`);
  return heads?.sort();
}

/** Whether a file of `configs/` declares a config; texts of YAML belong into a folder of their own. */
export function isHead(name: string): boolean {
  return /\.ya?ml$/.test(name) && !name.startsWith(".");
}

async function readIfThere(root: string, place: string): Promise<string | undefined> {
  const isThere = await stat(join(root, place)).then(
    () => true,
    (error: unknown) => !isMissing(error),
  );
  return isThere ? readText(root, place) : undefined;
}

/** The text of a file inside the folder: what a change of the folder's files can bring to agents must be in the folder. */
async function readText(root: string, place: string): Promise<string> {
  let bytes: Buffer;
  try {
    const path = await realpath(join(root, place));
    const inside = relative(root, path);
    if (inside.startsWith("..") || isAbsolute(inside)) throw new Error("it is outside of the folder");
    if ((await stat(path)).size > MAX_FILE_BYTES) throw new Error(`more than ${MAX_FILE_BYTES} bytes`);
    bytes = await readFile(path);
  } catch (error) {
    throw folderError(place, wordsOf(error));
  }
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw folderError(place, "it is no text in UTF-8");
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}

/** Without the path of this machine. */
function wordsOf(error: unknown): string {
  if (isMissing(error)) return "there is no such file";
  return error instanceof Error ? error.message : "it cannot be read";
}

function assertUnique(named: readonly { readonly name: string; readonly place: string }[]): void {
  const seen = new Set<string>();
  for (const { name, place } of named) {
    if (seen.has(name)) throw folderError(place, `${name} is declared twice`);
    seen.add(name);
  }
}
