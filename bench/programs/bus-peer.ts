// The other process of a hop: answers on our bus, and with the bare library under a subject of its own.

import { NatsBus } from "@muster/server/bus/nats";
import { connect } from "@nats-io/transport-node";

const url = process.argv[2] ?? "";
const bus = new NatsBus({ servers: [url] });
bus.answer("readings", ({ agents }: { agents: string[] }) => ({ samples: agents.map((agentId) => ({ agentId })) }));
await bus.start();
const raw = await connect({ servers: [url], noEcho: true });
raw.subscribe("bench.raw", { callback: (_error, message) => void message.respond(message.data) });
await raw.flush();
console.log(`peer ${bus.processId}`);
