import { MusterError } from "@muster/core";
import type { Command, CommandRequest, Run, TargetPreview } from "@muster/core/resources";
import type { MusterClient } from "@muster/sdk";
import type { Context } from "../context.ts";
import { EXIT_INTERRUPTED, worstExitCode } from "../exit-codes.ts";
import { usageError } from "../failure.ts";
import { plural } from "../terminal/format.ts";
import { renderTable } from "../terminal/table.ts";
import { ExecDisplay } from "./display.ts";
import type { ShowFlags } from "./request.ts";
import { submitCommand } from "./submit.ts";
import { CommandWatch } from "./watch.ts";
import { nameSome } from "./words.ts";

/** One `muster exec`: everything it needs, once the flags are read. */
export interface ExecRequest {
  readonly context: Context;
  readonly client: MusterClient;
  readonly request: CommandRequest;
  readonly show: ShowFlags;
}

/** Previews, submits, follows and sums up. Answers the worst exit code. */
export async function runExec(exec: ExecRequest): Promise<number> {
  const { context, client, request, show } = exec;
  const preview = await client.commands.preview(request.targets);
  if (show.dryRun) return showPreview(context, preview);
  if (preview.total === 0) {
    throw new MusterError("not_found", "no agent meets these targets", { hint: "`muster agents` lists them all" });
  }
  if (show.raw && preview.total > 1) throw usageError("--raw is for one host; these targets mean several");
  warnAboutOffline(context, preview);
  const command = await submitCommand({
    client,
    clock: context.clock,
    request,
    onRetry: (reason) => context.terminal.note(`${reason}; asking again, nothing runs twice`),
  });
  if (show.detach) {
    context.present(command, () => context.terminal.line(command.id));
    return 0;
  }
  return followCommand({ context, client, command, show });
}

interface Following {
  readonly context: Context;
  readonly client: MusterClient;
  readonly command: Command;
  readonly show: ShowFlags;
}

/** Ctrl-C cancels the command, a second one leaves it to itself. */
async function followCommand({ context, client, command, show }: Following): Promise<number> {
  const display = new ExecDisplay({ context, client, command, show });
  const left = new AbortController();
  let interrupts = 0;
  const stopListening = context.host.onInterrupt(() => {
    interrupts += 1;
    if (interrupts > 1) return left.abort();
    context.terminal.note("\ncancelling on every host; Ctrl-C again leaves it to itself");
    client.commands.cancel(command.id).catch((error: unknown) => {
      context.terminal.note(`it could not be cancelled: ${error instanceof Error ? error.message : String(error)}`);
    });
  });
  try {
    const watch = new CommandWatch(command, {
      client,
      clock: context.clock,
      listener: display,
      output: display.wantsOutput,
      signal: left.signal,
    });
    const outcome = await watch.follow();
    if (left.signal.aborted) {
      context.terminal.setStatus("");
      context.terminal.note(`left; \`muster commands show ${command.id}\` shows how it goes on`);
      return EXIT_INTERRUPTED;
    }
    const exitCode = exitCodeOf(outcome.command, outcome.runs);
    await display.conclude(outcome, exitCode);
    return exitCode;
  } finally {
    stopListening();
    context.terminal.setStatus("");
  }
}

/** A command that its budget stopped is a failure even if what ran went well. */
function exitCodeOf(command: Command, runs: readonly Run[]): number {
  const worst = worstExitCode(runs);
  return worst === 0 && command.status !== "completed" ? 1 : worst;
}

function warnAboutOffline(context: Context, preview: TargetPreview): void {
  const offline = preview.total - preview.online;
  if (offline === 0 || context.json) return;
  const names = preview.items.filter((item) => item.status === "offline").map((item) => item.name);
  const who = names.length === offline ? nameSome(names) : plural(offline, "agent");
  context.terminal.note(
    context.terminal.errorStyle.yellow(`offline, waits until it comes back or the command expires: ${who}`),
  );
}

function showPreview(context: Context, preview: TargetPreview): number {
  context.present(preview, () => {
    const columns = [
      { title: "NAME", value: (item: TargetPreview["items"][number]) => item.name, flexible: true },
      { title: "STATUS", value: (item: TargetPreview["items"][number]) => item.status },
      { title: "RUNS COMMANDS", value: (item: TargetPreview["items"][number]) => (item.canRun ? "yes" : "no") },
      { title: "ID", value: (item: TargetPreview["items"][number]) => item.id },
    ];
    if (preview.items.length > 0) context.terminal.lines(renderTable(columns, preview.items, context.terminal.width));
    context.terminal.note(`${plural(preview.total, "agent")} would be hit, ${preview.online} online`);
  });
  return 0;
}
