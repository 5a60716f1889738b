import { type AnyMessage, DatakitPeer, sampleOf } from "./dataway-peer.ts";

/** A DataKit as the draft of September 2020 has it: integer types, a trace id, and names where the seed has ids. */
export class EraADatakit extends DatakitPeer {
  readonly available = ["cpu", "mem", "nginx"];
  /** Texts by collector. */
  readonly files = new Map<string, string>();
  readonly disabled = new Set<string>();

  protected get queryOfEra(): string {
    return `id=${this.options.id}&token=${this.options.token}`;
  }

  protected greet(): void {
    this.sendOnline();
  }

  sendOnline(): void {
    const { id, token } = this.options;
    this.send({ type: 0, trace_id: "wmsg_hello", uuid: id, msgs: pack([{ ...this.#info(), token }]) });
  }

  beat(): void {
    this.send({ type: 6, trace_id: "wmsg_beat", uuid: this.options.id, msgs: "" });
  }

  protected answer(message: AnyMessage): AnyMessage {
    const { type, trace_id } = message;
    const reply = (resp: unknown) => ({ type, trace_id, uuid: this.options.id, resp });
    const payload = message.msgs ? JSON.parse(Buffer.from(message.msgs, "base64").toString()) : undefined;
    const inputs: string[] = payload?.inputs ?? payload?.[0]?.inputs ?? [];
    switch (type) {
      case 1:
        for (const { input, config } of Array.isArray(payload) ? payload : [payload]) {
          this.files.set(input, Buffer.from(config, "base64").toString());
        }
        return reply("ok");
      case 2:
        return reply(inputs.map((input) => ({ input, config: base64(this.files.get(input) ?? sampleOf(input)) })));
      case 3:
        return reply("ok");
      case 4:
        for (const input of inputs) this.disabled.add(input);
        return reply("ok");
      case 5:
        for (const input of inputs) this.disabled.delete(input);
        return reply("ok");
      default:
        return undefined;
    }
  }

  #info() {
    const enabled = [...this.files.keys()].filter((input) => !this.disabled.has(input));
    const names = { enabled_inputs: enabled, available_inputs: this.available };
    const host = { id: this.options.id, version: "0.9", os: "linux", arch: "amd64", name: "draft" };
    return { ...host, ...names, docker: false, uptime: "1s", reload_time: 0, reload_count: 0 };
  }
}

function base64(text: string): string {
  return Buffer.from(text).toString("base64");
}

function pack(value: unknown): string {
  return base64(JSON.stringify(value));
}
