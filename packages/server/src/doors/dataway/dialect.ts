import type { InputAnswer, InputCall, InputFailure, InputInventory } from "@muster/core/resources";
import { type DatawayErrorCode, type DatawayFrame, type DatawayKind, makeFailure } from "@muster/protocols/dataway";

/** What is known of a DataKit from the newest message in which it told of itself. */
export interface OnlineInfo {
  readonly available: readonly string[];
  readonly enabled: readonly string[];
  /** Where it tells more of its inputs than names. */
  readonly inventory: InputInventory | undefined;
}

/** An input that was given from here, as far as a DataKit that knows no ids needs it. */
export interface GivenInput {
  readonly input: string;
  readonly inputType: string;
  readonly enabled: boolean;
}

/** One DataKit, as its dialect reaches it. Whatever does not come is thrown as a `CallFailure`. */
export interface Line {
  /** The newest it told of itself; undefined before it told anything. */
  readonly online: OnlineInfo | undefined;
  /** What was given from here, by id. */
  readonly given: Map<string, GivenInput>;
  /** Sends one request and waits for its answer, whatever that says. */
  ask(kind: DatawayKind, payload?: unknown): Promise<DatawayFrame>;
  /** The same for a call that the era has one message for. */
  askCall(call: InputCall): Promise<DatawayFrame>;
  /** Makes it read its files anew, and waits until it tells of itself again, over whichever socket. */
  reload(): Promise<OnlineInfo>;
}

/** How DataKits of one era are managed. */
export interface Dialect {
  /** Whether the answer to a reload says how it went; otherwise only what it tells of itself afterwards does. */
  readonly answersReload: boolean;
  carryOut(line: Line, call: InputCall): Promise<InputAnswer>;
}

/** A call that ends in a failure, wherever it was found. */
export class CallFailure extends Error {
  readonly failure: InputFailure;

  constructor(failure: InputFailure) {
    super(failure.message);
    this.failure = failure;
  }
}

export function fail(code: DatawayErrorCode, message: string): CallFailure {
  return new CallFailure(makeFailure(code, message));
}

/** The answer, unless it is a refusal. */
export async function succeed(asked: Promise<DatawayFrame>): Promise<DatawayFrame> {
  const frame = await asked;
  const failure = failureIn(frame);
  if (failure) throw new CallFailure(failure);
  return frame;
}

export function failureIn({ outcome }: DatawayFrame): InputFailure | undefined {
  return outcome?.ok === false ? outcome.failure : undefined;
}

/** What a call ended in, whatever was thrown on the way. */
export async function answerCall(dialect: Dialect, line: Line, call: InputCall): Promise<InputAnswer> {
  try {
    return await dialect.carryOut(line, call);
  } catch (error) {
    if (error instanceof CallFailure) return { ok: false, failure: error.failure };
    throw error;
  }
}
