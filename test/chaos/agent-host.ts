// A process with many simulated agents: node agent-host.ts SETTINGS-AS-JSON
import { setInterval } from "node:timers";
import { RunJournal } from "./run-journal.ts";
import { SimulatedAgent } from "./simulated-agent.ts";

/** What the process is told. */
export interface AgentHostSettings {
  readonly ids: readonly string[];
  readonly servers: readonly string[];
  readonly token: string;
  readonly witness: string;
  readonly journal: string;
}

const settings = JSON.parse(process.argv[2] ?? "") as AgentHostSettings;
const journal = await RunJournal.open(settings.journal);
setInterval(() => {}, 2 ** 30); // the clock's timers do not keep a process alive
for (const id of settings.ids) {
  const labels = { chaos: `g${Number(id.split("-")[1]) % 4}` };
  void new SimulatedAgent({ ...settings, id, labels, journal }).run();
}
