import type { PlainRequest } from "../../listeners/door.ts";
import type { ConfigServerParts } from "./parts.ts";
import type { PollingAgents } from "./polling-agents.ts";
import type { Reply } from "./replies.ts";

/** One decoded request. */
export interface Call<Message> {
  readonly parts: ConfigServerParts;
  readonly agents: PollingAgents;
  readonly message: Message;
  readonly request: PlainRequest;
  /** Who asks, for the audit log; agents have no name there. */
  readonly actor: string;
}

/** Answers to the actions of one side of a generation, by their names. A handler that throws is explained by the door. */
export interface Handlers {
  // biome-ignore lint/suspicious/noExplicitAny: each takes the message of its action
  readonly [action: string]: (call: Call<any>) => Reply | Promise<Reply>;
}
