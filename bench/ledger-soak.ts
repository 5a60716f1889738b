import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { soakLedger } from "@muster/testing";
import type { BenchContext, Report, Suite } from "./support/suite.ts";

const bundle = (name: string) => fileURLToPath(new URL(`../packages/muster/dist/${name}.mjs`, import.meta.url));

/** 200 real agents, 5,000 commands, `kill -9` of server and agents at random: nothing lost, nothing started twice. */
export const ledgerSoak: Suite = {
  title: "Ledger soak: commands while server and agents are killed",
  async run(context: BenchContext): Promise<Report> {
    const size = context.quick ? { agents: 20, commands: 300 } : { agents: 200, commands: 5000 };
    const outcome = await soakLedger(context.scope, {
      ...size,
      serverKillMs: context.quick ? 4000 : 15_000,
      agentKillMs: context.quick ? 700 : 1500,
      callers: 8,
      settleMs: 240_000,
      say: context.say,
      ...(existsSync(bundle("server")) ? { serverProgram: [bundle("server")] } : {}),
      ...(existsSync(bundle("agent")) ? { agentProgram: [bundle("agent")] } : {}),
    });
    for (const problem of [
      ...outcome.lost,
      ...outcome.startedTwice,
      ...outcome.unfinished,
      ...outcome.contradictions,
    ].slice(0, 50))
      context.say(problem);
    return {
      tables: [
        {
          title: "What the ledger says, compared with what the hosts saw",
          columns: [
            "agents",
            "commands",
            "runs",
            "server kills",
            "agent kills",
            "lost",
            "started twice",
            "without an end",
            "contradictions",
          ],
          rows: [
            [
              String(size.agents),
              String(outcome.acknowledged),
              String(outcome.runs),
              String(outcome.serverKills),
              String(outcome.agentKills),
              String(outcome.lost.length),
              String(outcome.startedTwice.length),
              String(outcome.unfinished.length),
              String(outcome.contradictions.length),
            ],
          ],
        },
        {
          title: "Ends",
          columns: ["state", "runs"],
          rows: Object.entries(outcome.states).map(([state, count]) => [state, String(count)]),
        },
      ],
      notes: [
        "Every run appends its id to a witness file on the host; the ledger is compared with it afterwards.",
        "`unknown` is a run that had started when its agent was killed: nobody can say how it ended.",
      ],
    };
  },
};
