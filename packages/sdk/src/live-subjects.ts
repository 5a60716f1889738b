import type { LiveEvent, LiveRequest } from "@muster/core/resources";

type Subscribing = Exclude<LiveRequest, { op: "stop" } | { op: "ping" }>;
type WithoutNumber<Request> = Request extends unknown ? Omit<Request, "sub"> : never;

/** What can be watched; the client gives the number. */
export type LiveSubject = WithoutNumber<Subscribing>;
export type LiveOp = LiveSubject["op"];

type EventOf<Name extends LiveEvent["event"]> = Extract<LiveEvent, { event: Name }>;

/** Events that any subscription may get: usable now, missed some, refused. */
export type LiveNotice = EventOf<"ready"> | EventOf<"lagged"> | (EventOf<"error"> & { sub: number });

/** What arrives for each subject, besides notices. */
export interface LiveEventsByOp {
  fleet: EventOf<"counts"> | EventOf<"agent"> | EventOf<"agent_removed">;
  agent: EventOf<"sample"> | EventOf<"inputs">;
  command: EventOf<"command"> | EventOf<"run"> | EventOf<"output"> | EventOf<"output_end">;
  output: EventOf<"output"> | EventOf<"output_end">;
  commands: EventOf<"command">;
  configs: EventOf<"configs">;
}

/** The events of one kind of subscription. */
export type LiveEventFor<Op extends LiveOp> = LiveEventsByOp[Op] | LiveNotice;
