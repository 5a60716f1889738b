import { parseInputConfig } from "@muster/protocols/dataway";
import { duplicateInput, inputError } from "./input-failures.ts";

/** The meaning of a text that configures this input and no other; throws where it does not, with the place if there is one. */
export function digestText(input: string, toml: string): string {
  const config = parseInputConfig(toml);
  if (!config.ok) throw inputError({ ...config, code: "datakit.invalidConfig", status: 400 });
  const names = new Set(config.blocks.map((block) => block.input));
  if (names.size !== 1 || !names.has(input)) {
    const message = `it must configure ${input} and nothing else: [[inputs.${input}]]`;
    throw inputError({ code: "datakit.invalidConfig", status: 400, message });
  }
  if (config.repeated !== undefined) throw duplicateInput(null);
  return config.digest;
}
