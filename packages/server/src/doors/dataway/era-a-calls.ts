import type { InputAnswer, InputCall, InputInventory, InputReport } from "@muster/core/resources";
import { readAnswer } from "@muster/protocols/dataway";
import { type Dialect, fail, type Line, succeed } from "./dialect.ts";

/**
 * DataKits of the draft of September 2020. They know collectors by name, one configuration each, and no ids: those that
 * were given from here are remembered by the fleet. Reference: docs/protocols/dataway.md, section "Era A".
 */
export const eraA: Dialect = {
  answersReload: true,
  async carryOut(line, call) {
    switch (call.method) {
      case "inputs.list":
        return tellGiven(line);
      case "inputs.sample":
        return readConfig(line, call.input);
      case "inputs.read":
        return readConfig(line, inputOf(line, call.id));
      case "inputs.set":
        return set(line, call);
      case "inputs.enable":
        return toggle(line, call.ids, true);
      case "inputs.disable":
        return toggle(line, call.ids, false);
      case "inputs.remove":
        await toggle(line, [call.id], false);
        line.given.delete(call.id);
        return tellGiven(line);
      case "inputs.reload":
        return reload(line);
      case "inputs.test":
        throw fail("datakit.notSupported", "this DataKit cannot try a configuration");
    }
  },
};

async function set(line: Line, call: Extract<InputCall, { method: "inputs.set" }>): Promise<InputAnswer> {
  const other = [...line.given].find(([id, { input }]) => input === call.input && id !== call.id);
  if (other) throw fail("dataway.conflict", `this DataKit keeps one configuration of ${call.input}`);
  await succeed(line.askCall(call));
  line.given.set(call.id, { input: call.input, inputType: call.inputType, enabled: true });
  return reload(line);
}

async function toggle(line: Line, ids: readonly string[], enabled: boolean): Promise<InputAnswer> {
  const names = ids.map((id) => inputOf(line, id));
  await succeed(line.askCall({ method: enabled ? "inputs.enable" : "inputs.disable", ids: names }));
  for (const id of ids) {
    const given = line.given.get(id);
    if (given) line.given.set(id, { ...given, enabled });
  }
  return reload(line);
}

async function reload(line: Line): Promise<InputAnswer> {
  await line.reload();
  return tellGiven(line);
}

async function readConfig(line: Line, input: string): Promise<InputAnswer> {
  const call = { method: "inputs.sample", input } as const;
  return readAnswer(await line.askCall(call), call);
}

function inputOf(line: Line, id: string): string {
  const given = line.given.get(id);
  if (!given) throw fail("datakit.inputNotFound", `input ${id} not exist`);
  return given.input;
}

export function tellGiven(line: Line): InputAnswer {
  return { ok: true, content: { inventory: readInventory(line) } };
}

/** What was given from here, by id, and what else runs, by name. */
function readInventory(line: Line): InputInventory {
  const available = line.online?.available ?? [];
  const enabled = line.online?.enabled ?? [];
  const reports: InputReport[] = [];
  for (const [id, given] of line.given) {
    const status = given.enabled ? (enabled.includes(given.input) ? "running" : "pending") : "disabled";
    reports.push(reportOf({ id, ...given, managed: true, status }));
  }
  const ours = new Set([...line.given.values()].map(({ input }) => input));
  for (const input of enabled) {
    if (ours.has(input)) continue;
    reports.push(reportOf({ id: `${input}.conf`, input, inputType: "datakit", managed: false, status: "running" }));
  }
  const names = [...new Set([...available, ...enabled])];
  return {
    available: names.map((input) => ({ input, catalog: "", inputType: "datakit", summary: "" })),
    inputs: reports,
  };
}

function reportOf(
  input: Pick<InputReport, "id" | "inputType" | "managed" | "status"> & { readonly input: string },
): InputReport {
  const { id, inputType, managed, status } = input;
  const file = managed ? `${id}.conf` : id;
  const silent = { error: null, digest: null, points: 0, lastPointAt: null };
  return { id, inputs: [input.input], inputType, managed, status, file, ...silent };
}
