import type { Context } from "../context.ts";
import { normalizeServer } from "../context.ts";
import { diagnose } from "../doctor/diagnose.ts";
import type { Finding } from "../doctor/probe.ts";
import type { CommandFile } from "../program.ts";
import { sanitizeLine } from "../terminal/sanitize.ts";
import { pad } from "../terminal/width.ts";

interface DoctorFlags {
  readonly token?: string;
}

/** How `muster doctor` ends, by the hop that failed: where one cannot get through is 4, whom one may not be is 3. */
const EXIT_UNREACHABLE = 4;
const EXIT_REFUSED = 3;

export const addDoctor: CommandFile = (program, bind) => {
  program
    .command("doctor")
    .description("find where the way to a server breaks: DNS, TCP, TLS, HTTP, clock, upgrade, token")
    .option("--token <token>", "check this token: mst_… of a program or tkn_… of an agent (MUSTER_TOKEN)")
    .action(
      bind<DoctorFlags>(async (context, { flags }) => {
        const server = normalizeServer(await context.serverUrl());
        if (!context.json) context.terminal.line(`the way to ${server}`);
        const findings: Finding[] = [];
        for await (const finding of diagnose({ server, clock: context.clock, ...(await findToken(context, flags)) })) {
          findings.push(finding);
          if (!context.json) showFinding(context, finding);
        }
        if (context.json) context.terminal.json({ server, findings });
        return exitCodeOf(findings);
      }),
    );
};

async function findToken(context: Context, flags: DoctorFlags): Promise<{ token?: string; sessionCookie?: string }> {
  const token = flags.token ?? context.givenToken ?? (context.host.environment.MUSTER_TOKEN || undefined);
  if (token !== undefined) return { token };
  const stored = await context.credentials.find(await context.serverUrl());
  if (stored?.token !== undefined) return { token: stored.token };
  return stored?.sessionCookie === undefined ? {} : { sessionCookie: stored.sessionCookie };
}

function showFinding(context: Context, finding: Finding): void {
  const { style } = context.terminal;
  const paint = { ok: style.green, failed: style.red, warning: style.yellow, skipped: style.dim }[finding.state];
  context.terminal.line(`${pad(finding.hop, 8)} ${paint(pad(finding.state, 8))} ${sanitizeLine(finding.words)}`);
  if (finding.advice !== undefined) context.terminal.line(style.dim(`${" ".repeat(18)}try: ${finding.advice}`));
}

function exitCodeOf(findings: readonly Finding[]): number {
  const failed = findings.find((finding) => finding.state === "failed");
  if (!failed) return 0;
  return failed.hop === "token" ? EXIT_REFUSED : EXIT_UNREACHABLE;
}
