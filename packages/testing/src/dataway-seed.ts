import { type AnyMessage, DatakitPeer, sampleOf } from "./dataway-peer.ts";

interface Kept {
  readonly input: string;
  readonly inputType: string;
  readonly toml: string;
  enabled: boolean;
}

/**
 * A DataKit as the seed describes it and nothing more: it volunteers `online`, knows `config`, `get-config`, `reload`,
 * `enable-inputs` and `disable-inputs`, tells only names of what runs, and never beats. What is configured runs after a
 * reload.
 */
export class SeedDatakit extends DatakitPeer {
  readonly available = ["cpu", "mem", "nginx"];
  readonly kept = new Map<string, Kept>();
  /** Names, as of the last reload. */
  running: string[] = [];
  /** DataKits that are reached through this one. */
  behind: string[] = [];

  protected get queryOfEra(): string {
    return `token=${this.options.token}`;
  }

  protected greet(): void {
    this.sendOnline();
  }

  sendOnline(): void {
    const describe = (id: string) => ({
      id,
      version: "1.0.0",
      os: "linux",
      arch: "amd64",
      name: `name of ${id}`,
      enabled_inputs: this.running,
    });
    this.send({ type: "online", msgs: [this.options.id, ...this.behind].map(describe) });
  }

  protected answer(message: AnyMessage): AnyMessage {
    const { type, trace_id } = message;
    const succeed = (more: object = {}) => ({ type, trace_id, code: "ok", status: 200, ...more });
    const fail = (code: string, status: number, msg: string) => ({ type, trace_id, code, status, msg });
    switch (type) {
      case "config":
        for (const { id, input, input_type: inputType, cfg } of message.msgs) {
          const toml = Buffer.from(cfg, "base64").toString();
          if (toml.includes("= bad")) return fail("datakit.invalidConfig", 400, "line 2: expected a value");
          if (!this.available.includes(input)) return fail("datakit.inputNotFound", 404, `input ${input} not exist`);
          this.kept.set(id, { input, inputType, toml, enabled: true });
        }
        return succeed({ msgs: [] });
      case "get-config": {
        const [{ input }] = message.msgs;
        if (!this.available.includes(input)) return fail("datakit.inputNotFound", 404, `input ${input} not exist`);
        return succeed({ msgs: [{ input, cfg: Buffer.from(sampleOf(input)).toString("base64") }] });
      }
      case "reload": {
        const kept = [...this.kept.values()].filter(({ enabled }) => enabled);
        this.running = [...new Set(kept.map(({ input }) => input))];
        setTimeout(() => this.sendOnline(), 5);
        return succeed({ msg: null });
      }
      case "enable-inputs":
      case "disable-inputs": {
        const enabled = type === "enable-inputs";
        for (const id of message.msg) {
          if (!this.kept.has(id)) return fail("datakit.inputNotFound", 404, `input ${id} not exist`);
          if (this.kept.get(id)?.enabled === enabled)
            return fail("datakit.badRequest", 400, `input ${id} is so already`);
        }
        for (const id of message.msg) Object.assign(this.kept.get(id) ?? {}, { enabled });
        return succeed({ msg: message.msg });
      }
      default:
        return undefined;
    }
  }
}
