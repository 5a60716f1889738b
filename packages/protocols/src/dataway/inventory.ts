import { INPUT_LIMITS } from "@muster/core";
import type { InputInventory, InputReport } from "@muster/core/resources";
import { FieldError } from "../node/envelope.ts";
import { readInventory } from "../node/inputs.ts";
import { Fields, readTexts, toArray } from "./values.ts";

/** The seed asks for ids and tells names only. This is what our agents add: `{id, input, input_type, enabled, managed, file, md5}`. */
export function listInputs(inventory: InputInventory): readonly unknown[] {
  return inventory.inputs.map(({ id, inputs, inputType, status, managed, file, digest, error }) => ({
    id,
    input: inputs[0] ?? "",
    input_type: inputType,
    enabled: status !== "disabled",
    managed,
    file,
    md5: digest,
    ...(error === null ? {} : { error }),
  }));
}

/** What an agent tells of its inputs: our own form, or what can be made of the list above. Undefined when it tells nothing. */
export function readInventoryOf(frame: {
  readonly inventory: unknown;
  readonly payload?: unknown;
}): InputInventory | undefined {
  if (frame.inventory !== undefined) {
    try {
      return readInventory(frame.inventory, "inventory");
    } catch (error) {
      if (!(error instanceof FieldError)) throw error;
      return undefined;
    }
  }
  const rows = toArray(frame.payload).slice(0, INPUT_LIMITS.inputsPerAgent);
  const inputs = rows.flatMap((row) => readRow(new Fields(row)) ?? []);
  return Array.isArray(frame.payload) && inputs.length === rows.length ? { available: [], inputs } : undefined;
}

function readRow(row: Fields): InputReport | undefined {
  const input = row.text("input").slice(0, INPUT_LIMITS.nameLength);
  const id = row.text("id").slice(0, INPUT_LIMITS.idLength);
  if (id === "" || input === "") return undefined;
  return {
    id,
    inputs: [input],
    inputType: row.text("inputtype").slice(0, INPUT_LIMITS.typeLength) || "datakit",
    managed: row.get("managed") !== false,
    status: row.get("enabled") === false ? "disabled" : "running",
    error: row.text("error") || null,
    file: row.text("file").slice(0, INPUT_LIMITS.fileLength) || `${id}.conf`,
    digest: row.text("md5").slice(0, INPUT_LIMITS.digestLength) || null,
    points: 0,
    lastPointAt: null,
  };
}

/** The names of collectors in an inventory that run, each once. */
export function namesOf(inventory: InputInventory): { readonly enabled: string[]; readonly available: string[] } {
  const running = inventory.inputs.filter(({ status }) => status === "running" || status === "fallback");
  const enabled = readTexts([...new Set(running.flatMap(({ inputs }) => inputs))]);
  return { enabled, available: inventory.available.map(({ input }) => input) };
}
