import { connect } from "node:http2";
import { connect as connectSocket } from "node:net";
import type { Container, ContainerUsage } from "./containers.ts";
import { type Message, messageAt, messagesAt, numberAt, readMessage, textAt, textMapAt } from "./protobuf.ts";

const MAX_ANSWER = 32 * 1024 * 1024;
/** A gRPC message is preceded by a flag for compression and its length. */
const PREFIX = 5;
const GRPC_OK = "0";
const GRPC_UNIMPLEMENTED = "12";

export interface RuntimeCall {
  readonly socketPath: string;
  /** Of the RuntimeService: `ListContainers`. */
  readonly method: string;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** Calls a method without arguments of the Container Runtime Interface v1 (gRPC over a Unix socket). */
export function callRuntime({ socketPath, method, timeoutMs, signal }: RuntimeCall): Promise<Message> {
  return new Promise((resolve, reject) => {
    const socket = connectSocket(socketPath);
    const session = connect("http://localhost", { createConnection: () => socket });
    const limit = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
    const end = (settle: () => void) => {
      limit.removeEventListener("abort", onAbort);
      session.destroy();
      settle();
    };
    const fail = (error: unknown) => end(() => reject(error));
    const onAbort = () => fail(limit.reason);
    limit.addEventListener("abort", onAbort, { once: true });
    session.on("error", fail);
    socket.on("error", fail); // first: the session tells it in more words
    const stream = session.request({
      ":method": "POST",
      ":path": `/runtime.v1.RuntimeService/${method}`,
      "content-type": "application/grpc",
      te: "trailers",
    });
    const pieces: Buffer[] = [];
    let size = 0;
    let status: string | undefined;
    let text = "";
    const note = (headers: Readonly<Record<string, unknown>>) => {
      if (headers["grpc-status"] === undefined) return;
      status = String(headers["grpc-status"]);
      text = String(headers["grpc-message"] ?? "");
    };
    stream.on("response", note); // an answer without a message has its status here
    stream.on("trailers", note);
    stream.on("data", (piece: Buffer) => {
      size += piece.length;
      if (size > MAX_ANSWER) fail(new Error(`the answer to ${method} is larger than ${MAX_ANSWER} bytes`));
      else pieces.push(piece);
    });
    stream.on("error", fail);
    stream.on("close", () => fail(new Error(`the runtime closed the connection during ${method}`)));
    stream.on("end", () =>
      end(() => {
        try {
          if (status !== GRPC_OK) throw new Error(describeFailure(method, status, text));
          resolve(readMessage(unwrap(Buffer.concat(pieces))));
        } catch (error) {
          reject(error);
        }
      }),
    );
    stream.end(Buffer.alloc(PREFIX));
  });
}

function describeFailure(method: string, status: string | undefined, text: string): string {
  if (status === GRPC_UNIMPLEMENTED) return "the runtime does not serve the CRI: its plugin is switched off";
  return `the runtime refused ${method} with gRPC status ${status ?? "none"}: ${decodeURIComponent(text)}`;
}

function unwrap(bytes: Buffer): Buffer {
  if (bytes.length < PREFIX) throw new Error("the runtime answered without a message");
  if (bytes[0] !== 0) throw new Error("the runtime compressed its answer, which was not asked for");
  const length = bytes.readUInt32BE(1);
  if (bytes.length < PREFIX + length) throw new Error("the runtime's answer ends inside its message");
  return bytes.subarray(PREFIX, PREFIX + length);
}

/** By the number of ContainerState. */
const STATES = ["created", "running", "exited", "unknown"];

/** Reads ListContainersResponse. */
export function readRuntimeContainers(answer: Message): Container[] {
  return messagesAt(answer, 1).map((container) => {
    const id = textAt(container, 1);
    return {
      id,
      name: textAt(messageAt(container, 3), 1) || id.slice(0, 12),
      image: textAt(messageAt(container, 4), 1) || textAt(container, 5),
      state: STATES[numberAt(container, 6) ?? 0] ?? "unknown",
      createdMs: (numberAt(container, 7) ?? 0) / 1e6,
      labels: textMapAt(container, 8),
    };
  });
}

/** Reads ListContainerStatsResponse: what each container uses, by its id. */
export function readRuntimeUsage(answer: Message): Map<string, ContainerUsage> {
  return new Map(
    messagesAt(answer, 1).map((stats) => {
      const cpu = messageAt(stats, 2);
      const memory = messageAt(stats, 3);
      const workingSet = valueAt(memory, 2);
      const available = valueAt(memory, 3);
      const usage: ContainerUsage = {
        cpuNs: valueAt(cpu, 2),
        cpuAtNs: numberAt(cpu, 1),
        memory: workingSet,
        // what is left to an unlimited container is told as zero or not at all
        memoryLimit: workingSet !== undefined && available ? workingSet + available : undefined,
        layer: valueAt(messageAt(stats, 4), 3),
      };
      return [textAt(messageAt(stats, 1), 1), usage];
    }),
  );
}

/** A number in a message of its own (UInt64Value), so that absent and zero differ. */
function valueAt(message: Message, number: number): number | undefined {
  return message.has(number) ? (numberAt(messageAt(message, number), 1) ?? 0) : undefined;
}
