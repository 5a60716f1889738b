// A generator process: agents that take configurations of inputs at once and tell what they have.
import type { Socket } from "node:net";
import type { InputCall, InputInventory, InputReport } from "@muster/core/resources";
import { parseInputConfig } from "@muster/protocols/dataway";
import { buildRegistration } from "../support/agent-load.ts";
import { buildTextFrame, openRawSocket } from "../support/raw-socket.ts";

/** What a benchmark asks of it; each is answered with one message, in order. */
export type InputOrder =
  | {
      readonly do: "connect";
      readonly port: number;
      readonly token: string;
      readonly count: number;
      readonly first: number;
    }
  | { readonly do: "count" };

/** What the hosts have seen since they were asked the last time. */
export interface InputCounts {
  /** Configurations taken. */
  readonly sets: number;
  readonly lost: number;
}

const CONNECTING_AT_ONCE = 100;
/** About what our agent could collect. */
const AVAILABLE = Array.from({ length: 40 }, (_, index) => ({
  input: index === 0 ? "cpu" : `input_${index}`,
  catalog: "host",
  inputType: "datakit",
  summary: "What this collects, in a sentence for people",
}));

let hosts = 0;
const digests = new Map<string, string>();
let sets = 0;
let lost = 0;

async function connect(order: Extract<InputOrder, { do: "connect" }>): Promise<number> {
  let next = 0;
  const lane = async () => {
    while (next < order.count) await open(order, order.first + next++);
  };
  await Promise.all(Array.from({ length: CONNECTING_AT_ONCE }, lane));
  return hosts;
}

async function open({ port, token }: Extract<InputOrder, { do: "connect" }>, index: number): Promise<void> {
  const id = `load-${index}`;
  const files = new Map<string, InputReport>();
  hosts += 1;
  const { promise: ready, resolve: registered } = Promise.withResolvers<void>();
  const socket: Socket = await openRawSocket(
    { host: "127.0.0.1", port, path: `/api/v1/ws?token=${token}&node_id=${id}` },
    {
      onText: (payload) => {
        if (payload.includes('"register_response"')) registered();
        else if (payload.includes('"type":"call"')) answer(socket, files, JSON.parse(payload.toString()));
      },
      onClose: () => {
        lost += 1;
      },
    },
  );
  const registration = JSON.parse(buildRegistration(id, "native"));
  registration.data.muster.capabilities.push("inputs");
  socket.write(buildTextFrame(JSON.stringify(registration)));
  await ready;
  send(socket, "inputs", { inventory: inventoryOf(files) });
}

function answer(
  socket: Socket,
  files: Map<string, InputReport>,
  frame: { readonly data: { readonly call_id: string; readonly call: InputCall } },
): void {
  const { call_id, call } = frame.data;
  if (call.method === "inputs.set") {
    sets += 1;
    files.set(call.id, report(call.id, call.input, call.toml));
  }
  const content = { inventory: inventoryOf(files) };
  send(socket, "call_result", { call_id, answer: { ok: true, content } });
  // as our agent does after every change
  send(socket, "inputs", content);
}

function report(id: string, input: string, toml: string): InputReport {
  return {
    id,
    inputs: [input],
    inputType: "datakit",
    managed: true,
    status: "running",
    error: null,
    file: `${id}.conf`,
    digest: digestOf(toml),
    points: 0,
    lastPointAt: null,
  };
}

function digestOf(toml: string): string {
  const known = digests.get(toml);
  if (known !== undefined) return known;
  const config = parseInputConfig(toml);
  const digest = config.ok ? config.digest : "";
  digests.set(toml, digest);
  return digest;
}

function inventoryOf(files: ReadonlyMap<string, InputReport>): InputInventory {
  return { available: AVAILABLE, inputs: [...files.values()] };
}

function send(socket: Socket, type: string, data: object): void {
  const frame = { type, id: "0f8fad5b-d9cb-469f-a165-70867728950e", timestamp: "2026-01-01T00:00:00.000Z", data };
  socket.write(buildTextFrame(JSON.stringify(frame)));
}

function count(): InputCounts {
  const taken = sets;
  sets = 0;
  return { sets: taken, lost };
}

process.on("message", (order: InputOrder) => {
  const done = order.do === "connect" ? connect(order) : Promise.resolve(count());
  done.then(
    (told) => process.send?.({ answer: told }),
    (error: unknown) => process.send?.({ error: String(error) }),
  );
});
process.on("disconnect", () => process.exit(0));
