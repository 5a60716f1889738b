import type { InputAnswer, InputCall } from "@muster/core/resources";
import { readAnswer } from "@muster/protocols/dataway";
import { type Dialect, fail, type Line, succeed } from "./dialect.ts";
import { tellGiven } from "./era-a-calls.ts";

/**
 * DataKits of the seed. Those that tell their inputs with ids when they go online understand our additions too; the others
 * know five requests and the names of what runs, and the fleet remembers what they were given.
 */
export const seed: Dialect = {
  answersReload: true,
  carryOut: (line, call) => (line.online?.inventory ? askExtended(line, call) : askPlain(line, call)),
};

/** After these somebody wants to see what runs. */
const CHANGES: ReadonlySet<InputCall["method"]> = new Set([
  "inputs.set",
  "inputs.remove",
  "inputs.enable",
  "inputs.disable",
  "inputs.reload",
]);

async function askExtended(line: Line, call: InputCall): Promise<InputAnswer> {
  const answer = readAnswer(await line.askCall(call), call);
  const isTold = !answer.ok || answer.content.inventory !== undefined || !CHANGES.has(call.method);
  return isTold ? answer : askExtended(line, { method: "inputs.list" });
}

async function askPlain(line: Line, call: InputCall): Promise<InputAnswer> {
  switch (call.method) {
    case "inputs.list":
      return tellGiven(line);
    case "inputs.sample":
      return readAnswer(await line.askCall(call), call);
    case "inputs.set": {
      const { id, input, inputType } = call;
      await succeed(line.askCall(call));
      line.given.set(id, { input, inputType, enabled: true });
      return reload(line);
    }
    case "inputs.enable":
    case "inputs.disable":
      return toggle(line, call.ids, call.method === "inputs.enable");
    case "inputs.remove":
      // the seed has no word for it: what is disabled and forgotten is as good as gone
      if (line.given.get(call.id)?.enabled === true) await toggle(line, [call.id], false);
      line.given.delete(call.id);
      return tellGiven(line);
    case "inputs.reload":
      return reload(line);
    case "inputs.read":
      // the newest text that it took is known without it
      throw fail("dataway.unavailable", "this DataKit does not show its configurations");
    case "inputs.test":
      throw fail("dataway.notSupported", "this DataKit cannot try a configuration");
  }
}

async function toggle(line: Line, ids: readonly string[], enabled: boolean): Promise<InputAnswer> {
  await succeed(line.askCall({ method: enabled ? "inputs.enable" : "inputs.disable", ids: [...ids] }));
  for (const id of ids) {
    const given = line.given.get(id);
    if (given) line.given.set(id, { ...given, enabled });
  }
  return reload(line);
}

/** What is configured counts after a reload only. */
async function reload(line: Line): Promise<InputAnswer> {
  await line.reload();
  return tellGiven(line);
}
