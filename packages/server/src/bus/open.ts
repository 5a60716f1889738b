import type { Bus } from "./bus.ts";
import { localBus } from "./local.ts";
import { NatsBus, type NatsOptions } from "./nats.ts";

/** How the processes of an installation reach each other. */
export type BusChoice = { readonly kind: "local" } | ({ readonly kind: "nats" } & NatsOptions);

/** The bus of this configuration; nothing is connected before `start`. */
export function openBus(choice: BusChoice, onEvent: NonNullable<NatsOptions["onEvent"]>): Bus {
  return choice.kind === "local" ? localBus() : new NatsBus({ ...choice, onEvent });
}
