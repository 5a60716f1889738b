import type { Answer, Ask, Message, RequestName, Topic } from "./subjects.ts";

/**
 * How server processes reach each other. A doorbell only: a lost message delays something until the next sweep and
 * loses nothing, so nothing here throws or waits for a network. Messages go to every other process, never to the sender.
 */
export interface Bus {
  readonly name: string;
  /** This process among the others; new at every start. */
  readonly processId: string;
  /** False while the others cannot be reached; what is published then is dropped. */
  readonly isConnected: boolean;
  publish<Name extends Topic>(topic: Name, message: Message<Name>): void;
  /** One handler per topic, set before `start`. `from` is the sender's process id. Handlers must not throw. */
  on<Name extends Topic>(topic: Name, handler: (message: Message<Name>, from: string) => void): void;
  /** Asks one process; undefined when it is not there or does not answer in time, which is half a second unless said. */
  ask<Name extends RequestName>(
    name: Name,
    processId: string,
    ask: Ask<Name>,
    timeoutMs?: number,
  ): Promise<Answer<Name> | undefined>;
  /** One handler per request, set before `start`. Where it fails, the asker gets no answer. */
  answer<Name extends RequestName>(name: Name, handler: (ask: Ask<Name>) => Answer<Name> | Promise<Answer<Name>>): void;
  /** Called whenever the others can be reached, for the first time or again. One handler, set before `start`. */
  onConnect(handler: () => void): void;
  /** A process is gone: whoever waits for an answer of it gets none, at once. */
  giveUp(processId: string): void;
  /** Begins to receive. A bus that cannot connect at first keeps trying. */
  start(): Promise<void>;
  close(): Promise<void>;
}
