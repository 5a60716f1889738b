import { MusterError } from "@muster/core";
import { type Action, findAction, type Generation, sniffGeneration } from "@muster/protocols/configserver";
import type { Door, PlainRequest, PlainResponse } from "../../listeners/door.ts";
import { admitCaller } from "./admission.ts";
import type { Call, Handlers } from "./calls.ts";
import { g0Agent } from "./g0-agent.ts";
import { g1Agent } from "./g1-agent.ts";
import { g2Agent } from "./g2-agent.ts";
import { type ConfigServerCounters, type ConfigServerOptions, type ConfigServerParts, DOOR_LIMITS } from "./parts.ts";
import { PollingAgents } from "./polling-agents.ts";
import { busy, explain, NOT_FOUND, type Reply, refuseCaller, toResponse, undecodable } from "./replies.ts";
import { callUser } from "./user-calls.ts";
import { userG0, userG1 } from "./user-dialects.ts";
import { callUserG2 } from "./user-g2.ts";

/** ConfigServer's doors: one for bare paths and one for each generation. Reference: docs/protocols/configserver.md. */
export interface ConfigServerDoors {
  readonly all: readonly Door[];
  readonly counters: Readonly<ConfigServerCounters>;
  /** Ends the sessions of all agents. */
  close(): void;
}

interface Target {
  readonly generation: Generation;
  readonly action: Action;
}

const AGENT_HANDLERS: Readonly<Record<Generation, Handlers>> = { g0: g0Agent, g1: g1Agent, g2: g2Agent };
/** What the web pages of the original ask for, whatever is spoken elsewhere. */
const UI_PREFIX = "/api/v1";
const PREFIXES: readonly (readonly [string, Generation])[] = [
  ["/configserver/g0", "g0"],
  ["/configserver/g1", "g1"],
  ["/configserver/g2", "g2"],
];

export function createConfigServerDoors(options: ConfigServerOptions): ConfigServerDoors {
  const counters = { beats: 0, calls: 0, refused: 0, failed: 0, busy: 0, late: 0, inProgress: 0 };
  const parts: ConfigServerParts = { ...options, counters, limits: { ...DOOR_LIMITS, ...options.limits } };
  const agents = new PollingAgents(parts);
  const server = new ConfigServer(parts, agents);
  return {
    all: [
      makeDoor("configserver", server, undefined),
      makeDoor("configserver-g0", server, "g0"),
      makeDoor("configserver-g1", server, "g1"),
      makeDoor("configserver-g2", server, "g2"),
    ],
    counters,
    close: () => agents.close(),
  };
}

function makeDoor(name: string, server: ConfigServer, generation: Generation | undefined): Door {
  return {
    name,
    peersSendToken: false,
    maxBodyBytes: server.maxBodyBytes,
    get waitingCount() {
      return generation === undefined ? server.waitingCount : 0;
    },
    showsToken: (path, headers) => headers.authorization !== undefined && isUserPath(path),
    respond: (request) => server.respond(request, generation),
    upgrade: async () => ({ refuse: NOT_FOUND }),
  };
}

/** Answers what is asked of any of the doors. */
class ConfigServer {
  readonly #parts: ConfigServerParts;
  readonly #agents: PollingAgents;

  constructor(parts: ConfigServerParts, agents: PollingAgents) {
    this.#parts = parts;
    this.#agents = agents;
  }

  get maxBodyBytes(): number {
    return this.#parts.limits.bodyBytes;
  }

  get waitingCount(): number {
    return this.#agents.arriving;
  }

  /** `spoken`: undefined where the request has to tell. Never rejects. */
  async respond(request: PlainRequest, spoken: Generation | undefined): Promise<PlainResponse> {
    const target = this.#findTarget(request, spoken);
    if (!target) return NOT_FOUND;
    const { counters, limits } = this.#parts;
    const { generation, action } = target;
    if (counters.inProgress >= limits.inProgress) {
      counters.busy++;
      return busy(generation, action);
    }
    counters.inProgress++;
    try {
      return await this.#answer(request, target);
    } finally {
      counters.inProgress--;
    }
  }

  #answer(request: PlainRequest, { generation, action }: Target): PlainResponse | Promise<PlainResponse> {
    const decoded = action.request.decode(request.body);
    if (!decoded.ok) {
      this.#parts.counters.refused++;
      return undecodable(generation, action);
    }
    const message = decoded.message as Asked;
    if (action.side === "User") return this.#answerUser(request, { generation, action }, message);
    const handle = AGENT_HANDLERS[generation][action.name];
    if (!handle) return NOT_FOUND;
    const call: Call<Asked> = { parts: this.#parts, agents: this.#agents, message, request, actor: "" };
    try {
      const reply = handle(call);
      const asked = { generation, action, requestId: message.requestId };
      return reply instanceof Promise ? this.#finish(reply, asked) : this.#write(reply, asked);
    } catch (error) {
      return this.#fail(error, { generation, action, requestId: message.requestId });
    }
  }

  async #answerUser(request: PlainRequest, target: Target, message: Asked): Promise<PlainResponse> {
    const { generation, action } = target;
    const asked = { ...target, requestId: message.requestId };
    try {
      const admitted = await admitCaller(this.#parts, request, action);
      if ("refusal" in admitted) {
        this.#parts.counters.refused++;
        return refuseCaller(generation, action, { requestId: message.requestId, ...admitted.refusal });
      }
      const call = { parts: this.#parts, agents: this.#agents, message, request, actor: admitted.actor };
      const reply = CALL_USER[generation](action, call);
      const response = await this.#finish(reply, asked);
      await admitted.note(response.status < 400);
      return response;
    } catch (error) {
      return this.#fail(error, asked);
    }
  }

  /** Waits no longer than whoever asks does. */
  async #finish(reply: Promise<Reply>, asked: Target & { readonly requestId: string | Uint8Array }) {
    try {
      return this.#write(await this.#inTime(reply), asked);
    } catch (error) {
      return this.#fail(error, asked);
    }
  }

  #inTime(reply: Promise<Reply>): Promise<Reply> {
    const { clock, limits } = this.#parts;
    return new Promise((resolve, reject) => {
      const late = () => reject(new MusterError("deadline_exceeded", "the store did not answer in time"));
      const cancel = clock.after(limits.storeMs, late);
      reply.then(resolve, reject).finally(cancel);
    });
  }

  #write(reply: Reply, asked: Target & { readonly requestId: string | Uint8Array }): PlainResponse {
    const response = toResponse(asked.generation, asked.action, { requestId: asked.requestId, reply });
    if (response.status < 400) this.#parts.counters.calls++;
    else if (response.status < 500) this.#parts.counters.refused++;
    return response;
  }

  #fail(error: unknown, asked: Target & { readonly requestId: string | Uint8Array }): PlainResponse {
    const outcome = explain(error, this.#parts.log);
    if (outcome.code === "RequestTimeout") this.#parts.counters.late++;
    else if (outcome.code === "InternalServerError") this.#parts.counters.failed++;
    return this.#write({ outcome }, asked);
  }

  #findTarget(request: PlainRequest, spoken: Generation | undefined): Target | undefined {
    const { path, generation } = readPath(request.path, spoken);
    const chosen = generation ?? this.#sniff(request, path);
    const action = findAction(chosen, path);
    return action && (action.methods as readonly string[]).includes(request.method)
      ? { generation: chosen, action }
      : undefined;
  }

  #sniff({ method, body }: PlainRequest, path: string): Generation {
    const isG2Instance = (id: string) => this.#agents.find(id)?.generation === "g2";
    const sniffed = sniffGeneration({ path, method, body, isG2Instance });
    return sniffed === "ambiguous" ? this.#parts.generation : sniffed;
  }
}

/** What every request has. */
interface Asked {
  readonly requestId: string | Uint8Array;
}

type CallUser = (action: Action, call: Call<Asked>) => Promise<Reply>;

const CALL_USER: Readonly<Record<Generation, CallUser>> = {
  g0: (action, call) => callUser(action, call as Call<object>, userG0),
  g1: (action, call) => callUser(action, call as Call<object>, userG1),
  g2: (action, call) => callUserG2(action, call as Call<object>),
};

/** The original's path behind a prefix that says the generation. */
function readPath(
  path: string,
  spoken: Generation | undefined,
): { readonly path: string; readonly generation: Generation | undefined } {
  if (path.startsWith("/User/") || path.startsWith("/Agent/")) return { path, generation: spoken };
  if (path.startsWith(`${UI_PREFIX}/User/`)) return { path: path.slice(UI_PREFIX.length), generation: "g1" };
  const prefix = PREFIXES.find(([start]) => path.startsWith(`${start}/`));
  if (!prefix) return { path, generation: spoken };
  const rest = path.slice(prefix[0].length);
  return { path: rest.startsWith(`${UI_PREFIX}/User/`) ? rest.slice(UI_PREFIX.length) : rest, generation: prefix[1] };
}

function isUserPath(path: string): boolean {
  return readPath(path, undefined).path.startsWith("/User/");
}
