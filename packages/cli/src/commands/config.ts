import { type CountOrShare, hasCode, isUuid, MusterError } from "@muster/core";
import type { MusterClient } from "@muster/sdk";
import type { Command } from "commander";
import type { Plan } from "../as-code/apply.ts";
import type { Step } from "../as-code/plan.ts";
import type { Context } from "../context.ts";
import type { CommandFile } from "../program.ts";
import { confirm } from "../prompt.ts";
import { resolveAgent } from "../resolve.ts";
import { plural } from "../terminal/format.ts";
import { countOrShare, durationMs } from "../values.ts";
import { showDiff } from "./config-texts.ts";
import { shareList } from "./rollout-flags.ts";

interface FolderFlags {
  readonly file: string;
  readonly prune?: boolean;
}

interface ApplyFlags extends FolderFlags {
  readonly dryRun?: boolean;
  readonly yes?: boolean;
  readonly message: string;
  readonly waves?: CountOrShare[];
  readonly healthy?: number;
  readonly failureBudget?: CountOrShare;
}

interface ExportFlags {
  readonly textsBeside?: boolean;
  readonly prune?: boolean;
}

/** There is something to do. */
const EXIT_DIFFERENT = 2;
/** Texts that are read at the same time. */
const PARALLEL = 8;

/** Groups and configs as files of a folder, for version control. The libraries for it are loaded when they are needed. */
export const addConfig: CommandFile = (program, bind) => {
  const config = program.command("config").description("keep groups and configs as files of a folder");
  addFolderOptions(config.command("apply").description("make the server have what a folder declares"))
    .option("--dry-run", "only say what would be done; ends with 2 when there is something to do")
    .option("-m, --message <text>", "why, for the history", "muster config apply")
    .option("--waves <sizes>", "give texts in waves, such as 1,10%,100%; default: at once", shareList)
    .option("--healthy <duration>", "how long a wave must be well before the next one begins", durationMs)
    .option("--failure-budget <count|share>", "more failures than this halt the waves", countOrShare)
    .option("--yes", "do not ask before something is removed")
    .action(bind<ApplyFlags>((context, { flags }) => (flags.dryRun ? dryRun(context, flags) : apply(context, flags))));
  addFolderOptions(
    config.command("diff").description("show what apply would change; ends with 2 when there is something"),
  ).action(bind<FolderFlags>((context, { flags }) => diff(context, flags)));
  config
    .command("export")
    .argument("<folder>", "made when it is not there")
    .description("write what the server has as a folder that apply reads")
    .option("--texts-beside", "texts as files of their own beside what declares them")
    .option("--prune", "delete files of configs that the server does not have")
    .action(bind<ExportFlags>((context, { args: [dir = ""], flags }) => exportTo(context, dir, flags)));
};

function addFolderOptions(command: Command): Command {
  return command
    .requiredOption("-f, --file <folder>", "the folder with groups.yaml and configs/")
    .option("--prune", "also remove what the server has and the folder has not");
}

async function apply(context: Context, flags: ApplyFlags): Promise<void> {
  const { applySteps } = await import("../as-code/apply.ts");
  const { describeStep, summarizeStep } = await import("../as-code/describe.ts");
  const client = await context.client();
  const plan = await planOf(client, flags);
  const removed = plan.steps.filter(({ what }) => what === "remove_config" || what === "remove_group");
  if (removed.length > 0 && !flags.yes)
    await confirm(context.host, `${removed.map(describeStep).join("\n")}\nRemove ${plural(removed.length, "thing")}?`);
  await applySteps(client, plan, {
    message: flags.message,
    ...(flags.waves !== undefined && { waves: flags.waves }),
    ...(flags.healthy !== undefined && { healthyMs: flags.healthy }),
    ...(flags.failureBudget !== undefined && { failureBudget: flags.failureBudget }),
    onDone: (step) => {
      if (!context.json) context.terminal.line(describeStep(step));
    },
  });
  context.present({ changes: plan.steps.map(summarizeStep) }, () => noteCount(context, plan.steps, "done"));
}

async function dryRun(context: Context, flags: FolderFlags): Promise<number> {
  const { describeStep, summarizeStep } = await import("../as-code/describe.ts");
  const { steps } = await withoutCode2(async () => planOf(await context.client(), flags));
  context.present({ changes: steps.map(summarizeStep) }, () => {
    context.terminal.lines(steps.map(describeStep));
    noteCount(context, steps, "to do");
  });
  return steps.length === 0 ? 0 : EXIT_DIFFERENT;
}

async function diff(context: Context, flags: FolderFlags): Promise<number> {
  const { describeStep, diffOfStep, summarizeStep } = await import("../as-code/describe.ts");
  const { steps } = await withoutCode2(async () => planOf(await context.client(), flags));
  const changes = () => steps.map((step) => ({ ...summarizeStep(step), diff: diffOfStep(step).join("\n") || null }));
  if (context.json) context.terminal.json({ changes: changes() });
  for (const step of context.json ? [] : steps) {
    context.terminal.line(context.terminal.style.bold(describeStep(step)));
    showDiff(context, diffOfStep(step));
  }
  return steps.length === 0 ? 0 : EXIT_DIFFERENT;
}

async function exportTo(context: Context, dir: string, flags: ExportFlags): Promise<void> {
  const { readServer } = await import("../as-code/server-state.ts");
  const { describeServer, writeFolder } = await import("../as-code/write-folder.ts");
  const client = await context.client();
  const state = await readServer(client);
  const texts = new Map<string, string>();
  for (let start = 0; start < state.configs.length; start += PARALLEL) {
    const read = state.configs.slice(start, start + PARALLEL).map(async ({ id, revision }) => {
      texts.set(id, (await client.configs.revision(id, revision)).text);
    });
    await Promise.all(read);
  }
  const files = describeServer(state, ({ id }) => texts.get(id) ?? "", { beside: flags.textsBeside ?? false });
  const others = await writeFolder(dir, files, { prune: flags.prune ?? false });
  context.present({ files: files.map(({ path }) => path), others }, () => {
    context.terminal.lines(files.map(({ path }) => path));
    if (others.length === 0) return;
    const verb = flags.prune ? "deleted" : "left alone, though the server has no such config (--prune deletes)";
    context.terminal.note(`${verb}: ${others.join(", ")}`);
  });
}

async function planOf(client: MusterClient, flags: FolderFlags): Promise<Plan> {
  const { planFolder } = await import("../as-code/apply.ts");
  const { readFolder } = await import("../as-code/read-folder.ts");
  const agentId = async (word: string) => (isUuid(word) ? word : (await resolveAgent(client, word)).id);
  return planFolder(client, await readFolder(flags.file), { prune: flags.prune ?? false, agentId });
}

/** Where 2 says that there is something to do, a mistake must not end with it. */
async function withoutCode2<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (!hasCode(error, "invalid_argument")) throw error;
    throw new MusterError("failed_precondition", error.message, error.details, error);
  }
}

function noteCount(context: Context, steps: readonly Step[], words: string): void {
  context.terminal.note(steps.length === 0 ? "nothing to do" : `${plural(steps.length, "change")} ${words}`);
}
