import type { Clock } from "@muster/core";
import type { InputAnswer, InputCall, InputFailure, InputInventory, InputReport } from "@muster/core/resources";
import {
  type DatakitReply,
  type DatakitRequest,
  type DatawayEra,
  isLenientInputId,
  makeFailure,
  makeInputId,
  type NamedText,
  parseInputConfig,
} from "@muster/protocols/dataway";
import type { InputDesk } from "../../inputs/agent-inputs.ts";

/** Carries a request out, whatever era it came from. Lists are all or nothing. Never rejects. */
export async function carryOut(
  request: DatakitRequest,
  host: { readonly inputs: InputDesk; readonly clock: Clock; readonly era: DatawayEra },
): Promise<DatakitReply> {
  try {
    return await new Desk(host).carryOut(request);
  } catch (thrown) {
    if (thrown instanceof Refused) return { ok: false, failure: thrown.failure };
    throw thrown;
  }
}

/** Ends a request early. Never leaves this file. */
class Refused extends Error {
  readonly failure: InputFailure;

  constructor(failure: InputFailure) {
    super(failure.message);
    this.failure = failure;
  }
}

type Success = Extract<InputAnswer, { ok: true }>["content"];

class Desk {
  readonly #desk: InputDesk;
  readonly #clock: Clock;
  readonly #era: DatawayEra;

  constructor(host: { readonly inputs: InputDesk; readonly clock: Clock; readonly era: DatawayEra }) {
    this.#desk = host.inputs;
    this.#clock = host.clock;
    this.#era = host.era;
  }

  async carryOut(request: DatakitRequest): Promise<DatakitReply> {
    switch (request.kind) {
      case "online":
      case "list":
        return this.#changed({ method: "inputs.list" });
      case "reload":
        return this.#changed({ method: "inputs.reload" });
      case "sample":
        return { ok: true, texts: await Promise.all(request.names.map((name) => this.#sample(name))) };
      case "enabled":
        return { ok: true, texts: await this.#readEnabled(request.names) };
      case "read":
        return { ok: true, texts: await this.#readTexts(request.ids) };
      case "enable":
      case "disable": {
        const ids = await this.#resolve(request.ids, request.kind);
        return this.#changed({ method: request.kind === "enable" ? "inputs.enable" : "inputs.disable", ids });
      }
      case "remove":
        return this.#remove(await this.#resolve(request.ids, "remove"));
      case "set":
      case "update":
        return this.#set(request.configs);
      case "test":
        return { ok: true, outputs: await Promise.all(request.configs.map((config) => this.#test(config))) };
    }
  }

  async #ask(call: InputCall): Promise<Success> {
    const answer = await this.#desk.answer(call);
    if (!answer.ok) throw new Refused(answer.failure);
    return answer.content;
  }

  async #changed(call: InputCall): Promise<DatakitReply> {
    const { inventory } = await this.#ask(call);
    return { ok: true, ...(inventory ? { inventory } : {}) };
  }

  async #inventory(): Promise<InputInventory> {
    const { inventory } = await this.#ask({ method: "inputs.list" });
    return inventory ?? { available: [], inputs: [] };
  }

  /** Era B asks by it for what is configured, and gets the sample where nothing is. */
  async #sample(name: string) {
    const id = this.#era === "b" ? await this.#findFile(name, name) : undefined;
    const existing = id === undefined ? undefined : await this.#desk.answer({ method: "inputs.read", id });
    if (existing?.ok) return { name, id, toml: existing.content.toml ?? "" };
    const { toml = "" } = await this.#ask({ method: "inputs.sample", input: name });
    return { name, id: undefined, toml };
  }

  async #readTexts(ids: readonly string[]) {
    const { inputs } = await this.#inventory();
    return Promise.all(
      ids.map(async (id) => {
        const { toml = "" } = await this.#ask({ method: "inputs.read", id });
        return { name: inputs.find((report) => report.id === id)?.inputs[0] ?? id, id, toml };
      }),
    );
  }

  /** By the base names of the files, which is how era B goes on to speak of them. */
  async #readEnabled(names: readonly string[]) {
    const { inputs } = await this.#inventory();
    const found = names.flatMap((name) => {
      const enabled = inputs.filter((report) => report.inputs.includes(name) && report.status !== "disabled");
      if (enabled.length === 0) throw new Refused(makeFailure("datakit.inputNotEnabled", `input ${name} not enable`));
      return enabled.filter((report) => report.managed);
    });
    return Promise.all(
      found.map(async ({ id }) => {
        const { toml = "" } = await this.#ask({ method: "inputs.read", id });
        return { name: id, id, toml };
      }),
    );
  }

  /** Input-ids as they are; names of collectors, which later eras send, become the ids of theirs. */
  async #resolve(given: readonly string[], purpose: "enable" | "disable" | "remove"): Promise<string[]> {
    if (given.every(isLenientInputId)) return [...given];
    const { inputs } = await this.#inventory();
    const isMeant = ({ status }: InputReport) =>
      purpose === "remove" || (status === "disabled") === (purpose === "enable");
    return given.flatMap((word) => {
      const stem = word.replace(/\.conf$/, "");
      if (inputs.some(({ id }) => id === word)) return [word];
      if (isLenientInputId(stem)) return [stem];
      const named = inputs.filter((report) => report.managed && report.inputs.includes(word));
      const meant = named.filter(isMeant);
      // none in the other state: let the refusal say so
      return (meant.length > 0 ? meant : named).map(({ id }) => id).concat(named.length === 0 ? [word] : []);
    });
  }

  async #remove(ids: readonly string[]): Promise<DatakitReply> {
    const { inputs } = await this.#inventory();
    for (const id of ids) {
      const report = inputs.find((candidate) => candidate.id === id);
      if (!report) throw new Refused(makeFailure("datakit.inputNotFound", `input ${id} does not exist`));
      if (!report.managed) throw new Refused(makeFailure("datakit.inputUnmanaged", `${id} is a file of this host`));
    }
    for (const id of ids.slice(0, -1)) await this.#ask({ method: "inputs.remove", id });
    return this.#changed({ method: "inputs.remove", id: ids.at(-1) ?? "" });
  }

  /** Several texts are taken one after the other; when one is refused, those before it are undone. */
  async #set(configs: readonly NamedText[]): Promise<DatakitReply> {
    const undo: InputCall[] = [];
    let inventory: InputInventory | undefined;
    try {
      for (const config of configs) {
        const call = await this.#setCall(config);
        const before = await this.#desk.answer({ method: "inputs.read", id: call.id });
        ({ inventory } = await this.#ask(call));
        const toml = before.ok ? before.content.toml : undefined;
        undo.unshift(toml === undefined ? { method: "inputs.remove", id: call.id } : { ...call, toml });
      }
    } catch (error) {
      for (const call of undo) await this.#desk.answer(call);
      throw error;
    }
    return { ok: true, ...(inventory ? { inventory } : {}) };
  }

  async #setCall(config: NamedText): Promise<Extract<InputCall, { method: "inputs.set" }>> {
    const { toml, inputType } = config;
    const input = this.#inputOf(config);
    const id = config.id ?? (await this.#findFile(config.name, input)) ?? makeInputId(this.#clock.now());
    return { method: "inputs.set", id, input, inputType, toml };
  }

  /** Later eras name a file instead of a collector; then the text says which it is. */
  #inputOf({ name, toml }: NamedText): string {
    if (!isLenientInputId(name)) return name.replace(/-[0-9a-f]{32}$/, "");
    const parsed = parseInputConfig(toml);
    return (parsed.ok ? parsed.blocks[0]?.input : undefined) ?? name;
  }

  /** Era B keeps one file per collector: what it set before is what it means. */
  async #findFile(name: string, input: string): Promise<string | undefined> {
    const { inputs } = await this.#inventory();
    const managed = inputs.filter((report) => report.managed);
    return (
      managed.find((report) => report.id === name)?.id ?? managed.find((report) => report.inputs.includes(input))?.id
    );
  }

  async #test(config: NamedText) {
    const { inputType, toml } = config;
    const input = this.#inputOf(config);
    const { output = "" } = await this.#ask({ method: "inputs.test", input, inputType, toml });
    return { name: config.name, output };
  }
}
