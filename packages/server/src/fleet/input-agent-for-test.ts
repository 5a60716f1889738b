import type { InputAnswer, InputCall, InputContent, InputInventory, InputReport } from "@muster/core/resources";
import { parseInputConfig } from "@muster/protocols/dataway";
import type { Fleet } from "./fleet.ts";
import { connectTo, NATIVE, type TestAgent } from "./fleet-for-test.ts";
import type { AgentHello, AgentSession } from "./session.ts";

interface HostFile {
  readonly inputs: readonly string[];
  readonly inputType: string;
  readonly toml: string;
  readonly disabled: boolean;
}

/** A host with a folder of configurations, which outlives its connections. */
export class InputHost {
  readonly files = new Map<string, HostFile>();
  /** Calls as they came. */
  readonly calls: { readonly callId: string; readonly call: InputCall }[] = [];
  /** What to answer instead of doing it. */
  refusal: Extract<InputAnswer, { ok: false }>["failure"] | undefined;
  /** True: keeps calls until `release`. */
  holds = false;
  #held: (() => void)[] = [];

  /** The connection of this host to a fleet. */
  async connect(fleet: Fleet, externalId: string, how: Partial<AgentHello> = {}): Promise<TestAgent> {
    const agent = await connectTo(fleet, externalId, { capabilities: new Set([...NATIVE, "inputs"]), ...how });
    agent.onCall = (callId, call) => {
      this.calls.push({ callId, call });
      if (this.holds) this.#held.push(() => this.#reply(agent.session, callId, call));
      else this.#reply(agent.session, callId, call);
    };
    return agent;
  }

  /** Does what was kept, in the order given: of those that were kept, which first. */
  release(order: readonly number[] = this.#held.map((_, index) => index)): void {
    const held = this.#held;
    this.#held = [];
    for (const index of order) held[index]?.();
  }

  inventory(): InputInventory {
    return {
      available: [{ input: "cpu", catalog: "host", inputType: "datakit", summary: "Processor time" }],
      inputs: [...this.files].map(([id, file]) => report(id, file)),
    };
  }

  #reply(session: AgentSession, callId: string, call: InputCall): void {
    session.answer(callId, this.refusal ? { ok: false, failure: this.refusal } : this.#carryOut(call));
  }

  #carryOut(call: InputCall): InputAnswer {
    const done = (content: InputContent): InputAnswer => ({ ok: true, content });
    switch (call.method) {
      case "inputs.sample":
        return done({ toml: `[[inputs.${call.input}]]\n` });
      case "inputs.read":
        return done({ toml: this.files.get(call.id)?.toml ?? "" });
      case "inputs.test":
        return done({ output: `${call.input} value=1 1\n` });
      case "inputs.set":
        this.files.set(call.id, { ...call, inputs: [call.input], disabled: false });
        break;
      case "inputs.remove":
        this.files.delete(call.id);
        break;
      case "inputs.enable":
      case "inputs.disable":
        for (const id of call.ids) this.#switch(id, call.method === "inputs.disable");
    }
    return done({ inventory: this.inventory() });
  }

  #switch(id: string, disabled: boolean): void {
    const file = this.files.get(id);
    if (file) this.files.set(id, { ...file, disabled });
  }
}

function report(id: string, file: HostFile): InputReport {
  const config = parseInputConfig(file.toml);
  return {
    id,
    inputs: [...file.inputs],
    inputType: file.inputType,
    managed: id.startsWith("dkinput_"),
    status: file.disabled ? "disabled" : "running",
    error: null,
    file: `${id}.conf`,
    digest: config.ok ? config.digest : null,
    points: 0,
    lastPointAt: null,
  };
}

/** A configuration of cpu; each number means something else. */
export function cpu(number: number, comment = ""): { input: string; inputType: string; toml: string } {
  return { input: "cpu", inputType: "datakit", toml: `# ${comment}\n[[inputs.cpu]]\n  interval = "${number}s"\n` };
}
