// A generator process: does what the benchmark tells it over the channel to its parent, and reports.
import { AgentLoad, type LoadTarget } from "../support/agent-load.ts";

/** What a benchmark asks of a generator; each is answered with one message, in order. */
export type LoadOrder =
  | { readonly do: "connect"; readonly target: LoadTarget }
  | { readonly do: "saturate"; readonly durationMs: number; readonly window: number }
  | { readonly do: "beat"; readonly durationMs: number; readonly perSecond: number }
  | { readonly do: "await-pushes"; readonly count: number }
  | { readonly do: "count-lost" };

let load: AgentLoad | undefined;

async function obey(order: LoadOrder): Promise<unknown> {
  if (order.do === "connect") {
    load = new AgentLoad(order.target);
    return load.connect();
  }
  if (!load) throw new Error("connect first");
  if (order.do === "saturate") return load.saturate(order.durationMs, order.window);
  if (order.do === "beat") return load.beat(order.durationMs, order.perSecond);
  if (order.do === "await-pushes") return load.awaitPushes(order.count);
  return load.lost;
}

process.on("message", (order: LoadOrder) => {
  obey(order).then(
    (answer) => process.send?.({ answer }),
    (error: unknown) => process.send?.({ error: String(error) }),
  );
});
process.on("disconnect", () => process.exit(0));
