import type { InputAnswer, InputCall, InputInventory, InputReport } from "@muster/core/resources";
import { readAnswer, readNamedTexts } from "@muster/protocols/dataway";
import { CallFailure, type Dialect, fail, failureIn, type Line, type OnlineInfo, succeed } from "./dialect.ts";
import { type FileSection, hasOnlyComments, readSections, writeSections } from "./era-b-file.ts";

/**
 * DataKits of era B, which know neither ids nor what "now" means: whatever is written counts after a reload, and what came
 * of it is seen in the next online. Reference: docs/protocols/dataway.md, section "Era B".
 */
export const eraB: Dialect = {
  answersReload: false,
  async carryOut(line, call) {
    switch (call.method) {
      case "inputs.list":
        return done({ inventory: await readInventory(line, onlineOf(line)) });
      case "inputs.sample":
        return done({ toml: await readSample(line, call.input) });
      case "inputs.read":
        return done({ toml: (await locate(line, [call.id])).sections(call.id).toml });
      case "inputs.test":
        return readAnswer(await line.askCall(call), call);
      case "inputs.reload":
        return done({ inventory: await readInventory(line, await line.reload()) });
      case "inputs.set":
        return set(line, call);
      case "inputs.remove":
        return change(line, [call.id], (section) => (section.id === call.id ? undefined : section));
      case "inputs.enable":
        return toggle(line, call.ids, true);
      case "inputs.disable":
        return toggle(line, call.ids, false);
    }
  },
};

type Files = Map<string, FileSection[]>;

async function set(line: Line, call: Extract<InputCall, { method: "inputs.set" }>): Promise<InputAnswer> {
  const files = await readFiles(line, [call.input]);
  const before = files.get(call.input) ?? [];
  const section = { id: call.id, enabled: true, toml: call.toml };
  const isKnown = before.some(({ id }) => id === call.id);
  const after = isKnown ? before.map((one) => (one.id === call.id ? section : one)) : [...before, section];
  await writeFile(line, call.input, after);
  const online = await line.reload();
  if (online.enabled.includes(call.input)) return done({ inventory: await readInventory(line, online) });
  // it could not load the file: what ran before runs again
  await writeFile(line, call.input, before);
  await line.reload();
  throw fail("datakit.invalidConfig", `the DataKit did not load the configuration of ${call.input}`);
}

/** Edits the files of these ids, all of them or none. */
async function change(
  line: Line,
  ids: readonly string[],
  edit: (section: FileSection) => FileSection | undefined,
): Promise<InputAnswer> {
  const { files } = await locate(line, ids);
  for (const [input, sections] of files) {
    if (!sections.some(({ id }) => id !== null && ids.includes(id))) continue;
    await writeFile(
      line,
      input,
      sections.flatMap((section) => edit(section) ?? []),
    );
  }
  return done({ inventory: await readInventory(line, await line.reload()) });
}

async function toggle(line: Line, ids: readonly string[], enabled: boolean): Promise<InputAnswer> {
  const { sections } = await locate(line, ids);
  for (const id of ids) {
    if (sections(id).enabled !== enabled) continue;
    const code = enabled ? "datakit.inputAlreadyEnabled" : "datakit.inputNotEnabled";
    throw fail(code, `input ${id} is ${enabled ? "enabled" : "disabled"} already`);
  }
  return change(line, ids, (one) => (one.id !== null && ids.includes(one.id) ? { ...one, enabled } : one));
}

/**
 * A file in which nothing would collect is refused by some DataKits. Those are given it whole and told to disable it, which
 * they do only with what runs.
 */
async function writeFile(line: Line, input: string, sections: readonly FileSection[]): Promise<void> {
  const text = writeSections(sections);
  const put = (toml: string) => line.ask("set", { [input]: { toml: base64(toml) } });
  const failure = failureIn(await put(text));
  if (!failure) return;
  if (!hasOnlyComments(text)) throw new CallFailure(failure);
  const whole = sections.length === 0 ? withoutMarks(await readSample(line, input), input) : enableAll(sections);
  await succeed(put(whole));
  if (line.online?.enabled.includes(input) !== true) await line.reload();
  await succeed(line.ask("disable", [input]));
}

function enableAll(sections: readonly FileSection[]): string {
  return writeSections(sections.map((section) => ({ ...section, enabled: true })));
}

/** Something that the DataKit takes for a configuration and that is nobody's. */
function withoutMarks(text: string, input: string): string {
  const toml = readSections(text)
    .map((section) => section.toml)
    .join("\n");
  return hasOnlyComments(toml) ? `[[inputs.${input}]]\n` : toml;
}

/** Where the ids are. Throws inputNotFound for the first that is nowhere. */
async function locate(line: Line, ids: readonly string[]) {
  const files = await readFiles(line, onlineOf(line).available);
  const byId = new Map<string, FileSection>();
  for (const sections of files.values())
    for (const section of sections) if (section.id !== null) byId.set(section.id, section);
  const sections = (id: string): FileSection => {
    const section = byId.get(id);
    if (!section) throw fail("datakit.inputNotFound", `input ${id} not exist`);
    return section;
  };
  for (const id of ids) sections(id);
  return { files, sections };
}

/**
 * The sections of files. A DataKit answers with its sample where there is no file: what carries no mark of ours and does
 * not run is taken for one.
 */
async function readFiles(line: Line, inputs: readonly string[]): Promise<Files> {
  const files: Files = new Map();
  if (inputs.length === 0) return files;
  const frame = await succeed(line.ask("sample", inputs));
  const running = onlineOf(line).enabled;
  for (const { name: input, toml } of readNamedTexts(frame)) {
    const sections = readSections(toml);
    if (running.includes(input) || sections.some(({ id }) => id !== null)) files.set(input, sections);
  }
  return files;
}

async function readInventory(line: Line, online: OnlineInfo): Promise<InputInventory> {
  // told already, to another process, where it has come back to
  if (online.inventory) return online.inventory;
  const inputs: InputReport[] = [];
  for (const [input, sections] of await readFiles(line, online.available)) {
    const isRunning = online.enabled.includes(input);
    for (const section of sections) inputs.push(reportOf(input, section, isRunning));
  }
  const available = online.available.map((input) => ({ input, catalog: "", inputType: "datakit", summary: "" }));
  return { available, inputs };
}

function reportOf(input: string, { id, enabled }: FileSection, isRunning: boolean): InputReport {
  const file = `${input}.conf`;
  return {
    id: id ?? file,
    inputs: [input],
    inputType: "datakit",
    managed: id !== null,
    status: enabled ? (isRunning ? "running" : "pending") : "disabled",
    error: null,
    file,
    digest: null,
    points: 0,
    lastPointAt: null,
  };
}

async function readSample(line: Line, input: string): Promise<string> {
  const frame = await succeed(line.ask("sample", [input]));
  const text = readNamedTexts(frame).find(({ name }) => name === input)?.toml;
  if (text === undefined) throw fail("datakit.inputNotFound", `input ${input} not exist`);
  return readSections(text)
    .map((section) => section.toml)
    .join("\n");
}

function onlineOf(line: Line): OnlineInfo {
  if (line.online) return line.online;
  throw fail("dataway.timeout", "the DataKit has not told of itself yet");
}

function done(content: Extract<InputAnswer, { ok: true }>["content"]): InputAnswer {
  return { ok: true, content };
}

function base64(text: string): string {
  return Buffer.from(text).toString("base64");
}
