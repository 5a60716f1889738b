import { type AnyMessage, DatakitPeer, type DatakitPeerOptions, sampleOf } from "./dataway-peer.ts";

const RECONNECT_MS = 30;

/**
 * A DataKit of the winter of 2020/21. One file per collector; writing changes nothing before a reload, a reload drops the
 * connection, says nothing of its outcome and is seen in the next online; disabling comments every line, and asks what
 * runs, not what is in the files.
 */
export class EraBDatakit extends DatakitPeer {
  readonly available: readonly string[];
  /** Texts of `conf.d/<input>.conf`. */
  readonly files = new Map<string, string>();
  /** What was loaded at the last reload. */
  readonly running = new Map<string, string>();
  /** Where it never comes back from a reload. */
  diesOnReload = false;
  /** Heartbeats as it announces them; it sends one after each connect and then only when told to. */
  readonly heartbeat: string;

  constructor(options: DatakitPeerOptions & { readonly available?: readonly string[]; readonly heartbeat?: string }) {
    super(options);
    this.available = options.available ?? ["cpu", "mem", "nginx"];
    this.heartbeat = options.heartbeat ?? "30s";
  }

  protected get queryOfEra(): string {
    const { id, token } = this.options;
    return `id=${id}&version=1.1.0&os=linux&arch=amd64&token=${token}&heartbeatconf=${this.heartbeat}&hostname=h1&ip=10.0.0.5`;
  }

  protected greet(): void {
    this.beat();
  }

  beat(): void {
    this.send({ type: "heartbeat", id: "wmsg_beat", b64data: pack({ id: this.options.id }), code: "", Raw: null });
  }

  /** Reads the files as a start does. */
  load(): void {
    this.running.clear();
    for (const [name, text] of this.files) if (hasKeys(text) && !isBad(text)) this.running.set(name, text);
  }

  protected answer(message: AnyMessage): AnyMessage {
    if (message.dest && !message.dest.includes(this.options.id)) return undefined;
    const reply = (code: string, payload?: unknown) => ({
      ...message,
      dest: [this.options.id],
      code,
      b64data: payload === undefined ? undefined : pack(payload),
      Raw: null,
    });
    const fail = (text: string) => reply("error", text);
    const request = message.b64data ? unpack(message.b64data) : undefined;
    switch (message.type) {
      case "online":
        return reply("ok", {
          UUID: this.options.id,
          Version: "1.1.0",
          OS: "linux",
          Arch: "amd64",
          Name: "demo",
          Heartbeat: this.heartbeat,
          InputInfo: { availableInputs: this.available, enabledInputs: [...this.running.keys()], state: [] },
        });
      case "get_input_config": {
        const unknown = request.find((name: string) => !this.available.includes(name));
        if (unknown !== undefined) return fail(`input ${unknown} not exist`);
        return reply(
          "ok",
          request.map((name: string) => ({ [name]: { toml: base64(this.files.get(name) ?? sampleOf(name)) } })),
        );
      }
      case "get_enabled_input_config": {
        if (request.length === 0) return reply("bad_request", "nothing asked");
        const off = request.find((name: string) => !this.running.has(name));
        if (off !== undefined) return fail(`input ${off} not enable`);
        return reply(
          "ok",
          request.map((name: string) => ({ [name]: { toml: base64(this.running.get(name) ?? "") } })),
        );
      }
      case "set_input_config":
        for (const [name, { toml }] of Object.entries<AnyMessage>(request)) {
          if (!this.available.includes(name)) return fail(`input ${name} not exist`);
          const text = Buffer.from(toml, "base64").toString();
          if (isBad(text)) return fail("toml: line 2: expected value");
          if (!hasKeys(text)) return fail(`no input ${name} in it`);
          this.files.set(name, text);
        }
        return reply("ok");
      case "disable_input_config":
        for (const name of request) {
          if (!this.running.has(name)) return fail(`input ${name} not enable`);
          this.files.set(
            name,
            editLines(this.files.get(name) ?? "", (line) => `#${line}`),
          );
        }
        return reply("ok");
      case "enable_input_config":
        for (const name of request) {
          if (this.running.has(name) || !this.files.has(name)) return fail(`input ${name} is enabled or has no file`);
          this.files.set(
            name,
            editLines(this.files.get(name) ?? "", (line) => line.replace("#", "")),
          );
        }
        return reply("ok");
      case "test_input_config": {
        const [[name, { toml }]] = Object.entries<AnyMessage>(request) as [[string, AnyMessage]];
        if (isBad(Buffer.from(toml, "base64").toString())) return fail("toml: line 2: expected value");
        return reply("ok", { [name]: { Result: base64(`${name} value=1\n`), Desc: "" } });
      }
      case "reload":
        this.#reload();
        return { ...message, dest: [this.options.id] };
      default:
        return fail(`unknow type ${message.type}`);
    }
  }

  #reload(): void {
    this.send({ type: "modifyStatus", id: "wmsg_status", dest: [this.options.id], code: "ok", Raw: null });
    setTimeout(() => {
      this.close();
      this.load();
      if (!this.diesOnReload) setTimeout(() => void this.connect().catch(() => {}), RECONNECT_MS);
    }, 5);
  }
}

function editLines(text: string, edit: (line: string) => string): string {
  return text
    .split("\n")
    .map((line) => (line === "" ? line : edit(line)))
    .join("\n");
}

function hasKeys(text: string): boolean {
  return text.split("\n").some((line) => line.trim() !== "" && !line.trim().startsWith("#"));
}

function isBad(text: string): boolean {
  return text.includes("= bad");
}

function base64(text: string): string {
  return Buffer.from(text).toString("base64");
}

function pack(value: unknown): string {
  return base64(JSON.stringify(value));
}

function unpack(text: string): AnyMessage {
  return JSON.parse(Buffer.from(text, "base64").toString());
}
