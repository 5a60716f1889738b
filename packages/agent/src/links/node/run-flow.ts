/** Output on its way that was not confirmed yet, per run. */
const WINDOW_BYTES = 256 * 1024;
/** What was not confirmed for this long is sent again. */
const CONFIRM_WITHIN_MS = 30_000;
/** When the server says that it could not store something. */
const AFTER_REFUSAL_MS = 5000;
/** Once the result is stored, output that is never confirmed is sent this many times more before it is given up. */
const MAX_REPEATS = 3;

interface Batch {
  readonly lastSeq: number;
  readonly bytes: number;
}

/** What is left to send of a run. */
export type FlowStep = "output" | "result" | "settle" | "wait";

/** What there is to send of a run. */
export interface RunProgress {
  /** The last chunk in the spool, -1 when there is none. */
  readonly lastSeq: number;
  readonly isFinished: boolean;
}

/**
 * The sending of one run over one connection: output first, within a window, then the result; all of it again when it
 * is not confirmed in time; settled once the server has everything. Knows neither sockets nor disks.
 */
export class RunFlow {
  readonly #streams: boolean;
  #confirmed: number;
  #sent: number;
  #inFlight: Batch[] = [];
  #inFlightBytes = 0;
  #progressAt: number;
  #resultSentAt: number | undefined;
  #isResultStored = false;
  #repeats = 0;

  /** `through`: the last chunk that the server has. Without `streams` the output travels inside the result. */
  constructor(options: { through: number; streams: boolean; now: number }) {
    this.#streams = options.streams;
    this.#confirmed = options.through;
    this.#sent = options.through;
    this.#progressAt = options.now;
  }

  /** The last chunk that was sent. */
  get sent(): number {
    return this.#sent;
  }

  /** What to do next. Call it again after every event and once in a while. */
  next(run: RunProgress, now: number): FlowStep {
    this.#repeatWhenLate(now);
    const hasAllOutput = !this.#streams || this.#confirmed >= run.lastSeq || this.#repeats > MAX_REPEATS;
    if (run.isFinished && this.#isResultStored && hasAllOutput) return "settle";
    if (this.#streams && this.#sent < run.lastSeq) return this.#inFlightBytes < WINDOW_BYTES ? "output" : "wait";
    const isDue = this.#resultSentAt === undefined || now - this.#resultSentAt > CONFIRM_WITHIN_MS;
    return run.isFinished && !this.#isResultStored && isDue ? "result" : "wait";
  }

  outputSent(lastSeq: number, bytes: number, now: number): void {
    if (this.#inFlight.length === 0) this.#progressAt = now;
    this.#sent = lastSeq;
    this.#inFlight.push({ lastSeq, bytes });
    this.#inFlightBytes += bytes;
  }

  outputStored(through: number, now: number): void {
    if (through <= this.#confirmed) return;
    this.#confirmed = through;
    this.#sent = Math.max(this.#sent, through);
    this.#progressAt = now;
    this.#repeats = 0;
    while (this.#inFlight[0] && this.#inFlight[0].lastSeq <= through) {
      this.#inFlightBytes -= this.#inFlight.shift()?.bytes ?? 0;
    }
  }

  resultSent(now: number): void {
    this.#resultSentAt = now;
  }

  resultStored(): void {
    this.#isResultStored = true;
  }

  /** The server could not store something, likely nothing: what it has not confirmed is sent again soon. */
  notStored(now: number): void {
    const sentAt = now + AFTER_REFUSAL_MS - CONFIRM_WITHIN_MS;
    this.#progressAt = Math.min(this.#progressAt, sentAt);
    if (this.#resultSentAt !== undefined) this.#resultSentAt = Math.min(this.#resultSentAt, sentAt);
  }

  #repeatWhenLate(now: number): void {
    if (this.#inFlight.length === 0 || now - this.#progressAt <= CONFIRM_WITHIN_MS) return;
    this.#sent = this.#confirmed;
    this.#inFlight = [];
    this.#inFlightBytes = 0;
    this.#progressAt = now;
    if (this.#isResultStored) this.#repeats += 1;
  }
}
