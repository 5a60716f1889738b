import { newMessageId } from "@muster/core";
import type { Bus } from "./bus.ts";

/** The bus of a process that is alone: there is nobody to tell. */
export function localBus(): Bus {
  return {
    name: "local",
    processId: newMessageId(),
    isConnected: true,
    publish() {},
    on() {},
    ask: async () => undefined,
    answer() {},
    onConnect() {},
    giveUp() {},
    async start() {},
    async close() {},
  };
}
