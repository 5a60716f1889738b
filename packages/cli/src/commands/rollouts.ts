import {
  type CountOrShare,
  delay,
  hasCode,
  isUuid,
  MusterError,
  ROLLOUT_STATES,
  type RolloutState,
} from "@muster/core";
import type { Rollout, RolloutAgent, RolloutError } from "@muster/core/resources";
import { collectAll, type MusterClient } from "@muster/sdk";
import { type Command, Option } from "commander";
import type { Context } from "../context.ts";
import { EXIT_INTERRUPTED } from "../exit-codes.ts";
import type { Bind, CommandFile } from "../program.ts";
import { resolveGroup } from "../resolve.ts";
import { formatAgo } from "../terminal/format.ts";
import { sanitizeLine } from "../terminal/sanitize.ts";
import { type Column, renderFacts, renderTable } from "../terminal/table.ts";
import { collect, countOrShare, durationMs, positiveCount } from "../values.ts";
import { showPlan } from "./config-giving.ts";
import { shareList } from "./rollout-flags.ts";

interface StartFlags {
  readonly group: string[];
  readonly revision?: number;
  readonly waves?: CountOrShare[];
  readonly healthy?: number;
  readonly applyTimeout?: number;
  readonly failureBudget?: CountOrShare;
  readonly dryRun?: boolean;
  readonly watch?: boolean;
}

/** It was halted, or it ended before everybody had the revision. */
const EXIT_NOT_DONE = 6;
const POLL_MS = 1000;
/** Agents shown with what is wrong on them. */
const SHOWN = 20;

export const addRollouts: CommandFile = (program, bind) => {
  const rollouts = program.command("rollouts").description("give configs to groups in waves");
  addStart(rollouts, bind);
  addLooking(rollouts, bind);
  addActs(rollouts, bind);
};

function addStart(rollouts: Command, bind: Bind): void {
  rollouts
    .command("start")
    .argument("<config>", "name or id")
    .description("give groups a revision; a rollout of the same config that is under way is superseded")
    .requiredOption("--group <group>", "to this group; repeatable", collect)
    .option("--revision <revision>", "this one; default: the newest", positiveCount)
    .option("--waves <sizes>", "such as 1,10%,50%,100%; default: everybody at once", shareList)
    .option("--healthy <duration>", "how long a wave must be well before the next one begins", durationMs)
    .option("--apply-timeout <duration>", "who is online and not done by then has failed", durationMs)
    .option("--failure-budget <count|share>", "more failures than this halt it", countOrShare)
    .option("--dry-run", "only show which agents would get another text")
    .option("--watch", "go on as `muster rollouts watch` does")
    .action(bind<StartFlags>(start));
}

function addLooking(rollouts: Command, bind: Bind): void {
  rollouts
    .command("list", { isDefault: true })
    .alias("ls")
    .description("list rollouts, newest first")
    .option("--config <config>", "only of this config")
    .addOption(new Option("--state <state>", "only in this state").choices(ROLLOUT_STATES))
    .action(
      bind<{ config?: string; state?: RolloutState }>(async (context, { flags }) => {
        const client = await context.client();
        const configId = flags.config === undefined ? undefined : (await client.configs.get(flags.config)).id;
        const query = { ...(configId && { configId }), ...(flags.state && { state: flags.state }) };
        const list = await collectAll(client.rollouts.listAll(query), 1000);
        const columns = rolloutColumns(context.clock.now());
        context.present(list, () => context.terminal.lines(renderTable(columns, list, context.terminal.width)));
      }),
    );
  rollouts
    .command("show")
    .argument("<rollout>", "id, or the config whose newest one is meant")
    .description("show a rollout with its waves and what went wrong")
    .action(
      bind(async (context, { args: [word = ""] }) => {
        const client = await context.client();
        const rollout = await resolveRollout(client, word);
        const errors = await client.rollouts.errors(rollout.id);
        const failed = await collectAll(client.rollouts.agentsAll(rollout.id, { state: "failed" }), SHOWN);
        context.present({ ...rollout, errors }, () => showRollout(context, rollout, { errors, failed }));
      }),
    );
  rollouts
    .command("watch")
    .argument("<rollout>", "id, or the config whose newest one is meant")
    .description("follow a rollout to its end; ends with 0 when everybody has the revision")
    .action(
      bind(async (context, { args: [word = ""] }) => {
        const client = await context.client();
        return watch(context, client, await resolveRollout(client, word));
      }),
    );
}

const ACTS = [
  ["pause", "pause", "nobody new is given anything until it is resumed"],
  ["resume", "resume", "go on, also after a halt"],
  ["cancel", "cancel", "end it; who was given the revision keeps it"],
  ["rollback", "rollBack", "give the groups at once what they had before"],
] as const;

function addActs(rollouts: Command, bind: Bind): void {
  for (const [verb, method, description] of ACTS) {
    rollouts
      .command(verb)
      .argument("<rollout>", "id, or the config whose newest one is meant")
      .description(description)
      .action(
        bind(async (context, { args: [word = ""] }) => {
          const client = await context.client();
          const { id } = await resolveRollout(client, word);
          const rollout = await client.rollouts[method](id);
          context.present(rollout, () => context.terminal.line(describeState(rollout)));
        }),
      );
  }
}

async function start(
  context: Context,
  { args: [word = ""], flags }: { readonly args: readonly string[]; readonly flags: StartFlags },
): Promise<number> {
  const client = await context.client();
  const config = await client.configs.get(word);
  const revision = flags.revision ?? config.revision;
  const groups: string[] = [];
  for (const group of flags.group) groups.push((await resolveGroup(client, group)).id);
  if (flags.dryRun) {
    showPlan(context, await client.configs.plan({ configId: config.id, revision, groups }));
    return 0;
  }
  const rollout = await client.rollouts.start({
    configId: config.id,
    revision,
    groups,
    ...(flags.waves !== undefined && { waves: flags.waves }),
    ...(flags.healthy !== undefined && { healthyMs: flags.healthy }),
    ...(flags.applyTimeout !== undefined && { applyTimeoutMs: flags.applyTimeout }),
    ...(flags.failureBudget !== undefined && { failureBudget: flags.failureBudget }),
  });
  if (flags.watch) return watch(context, client, rollout);
  context.present(rollout, () => context.terminal.line(describeState(rollout)));
  return 0;
}

/** A line for every change until it is over or stands still. A server that restarts is waited for. */
async function watch(context: Context, client: MusterClient, first: Rollout): Promise<number> {
  const left = new AbortController();
  const stop = context.host.onInterrupt(() => left.abort());
  let rollout = first;
  let shown = "";
  try {
    for (;;) {
      const line = `${describeState(rollout)}  ${describeWaves(rollout)}`;
      if (line !== shown) context.present(rollout, () => context.terminal.line(line));
      shown = line;
      if (rollout.state !== "running") break;
      await delay(context.clock, POLL_MS, left.signal);
      if (left.signal.aborted) return EXIT_INTERRUPTED;
      rollout = (await lookAgain(client, rollout, left.signal)) ?? rollout;
    }
  } catch (error) {
    if (left.signal.aborted) return EXIT_INTERRUPTED;
    throw error;
  } finally {
    stop();
  }
  if (rollout.state === "done") return 0;
  for (const { error, agents } of context.json ? [] : await client.rollouts.errors(rollout.id))
    context.terminal.note(`  ${agents}×  ${sanitizeLine(error)}`);
  return EXIT_NOT_DONE;
}

async function lookAgain(client: MusterClient, rollout: Rollout, signal: AbortSignal): Promise<Rollout | undefined> {
  try {
    return await client.rollouts.get(rollout.id, signal);
  } catch (error) {
    if (hasCode(error, "unavailable")) return undefined;
    throw error;
  }
}

/** By id, else the rollout of a config that is under way, else its newest one. */
async function resolveRollout(client: MusterClient, word: string): Promise<Rollout> {
  if (isUuid(word)) {
    try {
      return await client.rollouts.get(word);
    } catch (error) {
      if (!hasCode(error, "not_found")) throw error;
    }
  }
  const config = await client.configs.get(word);
  if (config.rolloutId !== null) return client.rollouts.get(config.rolloutId);
  const [newest] = (await client.rollouts.list({ configId: config.id, limit: 1 })).items;
  if (newest) return newest;
  throw new MusterError("not_found", `${config.name} was never rolled out`);
}

function showRollout(
  context: Context,
  rollout: Rollout,
  { errors, failed }: { readonly errors: readonly RolloutError[]; readonly failed: readonly RolloutAgent[] },
): void {
  const { terminal } = context;
  terminal.lines(
    renderFacts([
      ["rollout", rollout.id],
      ["config", `${rollout.configName}, revision ${rollout.revision}`],
      ["groups", rollout.groups.map(({ name }) => name).join(", ")],
      ["state", `${rollout.state}: ${rollout.reason}`],
      ["begun", `${rollout.createdAt} by ${rollout.createdBy}`],
      ["ended", rollout.endedAt],
    ]),
  );
  terminal.lines([
    "",
    ...renderTable(
      WAVES,
      rollout.waves.map((wave, index) => ({ ...wave, number: index + 1 })),
      terminal.width,
    ),
  ]);
  if (errors.length > 0) terminal.lines(["", ...renderTable(ERRORS, errors, terminal.width)]);
  if (failed.length > 0)
    terminal.lines(["", ...renderTable(failedColumns(context.clock.now()), failed, terminal.width)]);
}

function describeState(rollout: Rollout): string {
  const { configName, revision, state, reason } = rollout;
  return sanitizeLine(`${rollout.id}  ${configName} (revision ${revision})  ${state}: ${reason}`);
}

function describeWaves({ wave, waves }: Rollout): string {
  const sum = (field: "agents" | "applied" | "failed" | "offline") =>
    waves.reduce((total, each) => total + each[field], 0);
  const parts = [`wave ${wave}/${waves.length}`, `${sum("applied")} of ${sum("agents")} applied`];
  if (sum("failed") > 0) parts.push(`${sum("failed")} failed`);
  if (sum("offline") > 0) parts.push(`${sum("offline")} away`);
  return parts.join(", ");
}

function rolloutColumns(now: number): Column<Rollout>[] {
  return [
    { title: "CONFIG", value: (one) => one.configName, flexible: true },
    { title: "REV", value: (one) => String(one.revision), align: "right" },
    { title: "GROUPS", value: (one) => one.groups.map(({ name }) => name).join(", "), flexible: true },
    { title: "STATE", value: (one) => one.state },
    { title: "PROGRESS", value: describeWaves },
    { title: "BEGUN", value: (one) => formatAgo(one.createdAt, now) },
    { title: "BY", value: (one) => one.createdBy, flexible: true },
    { title: "ID", value: (one) => one.id },
  ];
}

const WAVES: readonly Column<Rollout["waves"][number] & { readonly number: number }>[] = [
  { title: "WAVE", value: (wave) => String(wave.number), align: "right" },
  { title: "SIZE", value: (wave) => wave.size, align: "right" },
  { title: "AGENTS", value: (wave) => String(wave.agents), align: "right" },
  { title: "APPLIED", value: (wave) => String(wave.applied), align: "right" },
  { title: "PENDING", value: (wave) => String(wave.pending), align: "right" },
  { title: "FAILED", value: (wave) => String(wave.failed), align: "right" },
  { title: "AWAY", value: (wave) => String(wave.offline), align: "right" },
];

const ERRORS: readonly Column<RolloutError>[] = [
  { title: "AGENTS", value: (one) => String(one.agents), align: "right" },
  { title: "ERROR", value: (one) => one.error, flexible: true },
];

function failedColumns(now: number): Column<RolloutAgent>[] {
  return [
    { title: "FAILED", value: (agent) => agent.agentName, flexible: true },
    { title: "WAVE", value: (agent) => String(agent.wave), align: "right" },
    { title: "SINCE", value: (agent) => formatAgo(agent.since, now) },
    { title: "ERROR", value: (agent) => agent.error ?? "", flexible: true },
  ];
}
