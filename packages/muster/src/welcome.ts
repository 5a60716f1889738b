/** What the first lines of `muster up` are made from. */
export interface Welcome {
  readonly version: string;
  readonly url: string;
  /** The secrets of a first start; null afterwards, since nobody knows them any more. */
  readonly firstRun: FirstSecrets | null;
}

/** Shown once and stored hashed. What the operator chose himself is not repeated. */
export interface FirstSecrets {
  readonly username: string;
  readonly password: string;
  readonly apiToken: string;
  readonly enrollmentToken: string;
  readonly generated: readonly string[];
}

/** The words to somebody who started Muster: where to look, how to get in, how to add a host. */
export function welcome({ version, url, firstRun }: Welcome): string {
  const lines = ["", `  Muster ${version} is running with an agent of this machine.`, "", `  Console     ${url}`];
  if (firstRun?.generated.includes("password")) {
    lines.push(`  Log in      ${firstRun.username}  ${firstRun.password}    (shown once; keep it)`);
  }
  if (firstRun?.generated.includes("apiToken")) {
    lines.push(`  API token   ${firstRun.apiToken}    (shown once; for programs)`);
  }
  if (firstRun)
    lines.push("", "  Add a host  (copy the line to it, run it as root)", `    ${installLine(url, firstRun)}`);
  else lines.push("", "  Add a host  Add host in the console, or `muster enroll`, prints the line to copy");
  if (isLoopback(url)) lines.push("    Other machines reach this server only when it is started with --host 0.0.0.0.");
  lines.push("", "  Ctrl-C stops both.", "");
  return `${lines.join("\n")}\n`;
}

function installLine(url: string, { enrollmentToken }: FirstSecrets): string {
  return `curl -fsS -H "Authorization: Bearer ${enrollmentToken}" ${url}/fleet/v1/install.sh | sh`;
}

function isLoopback(url: string): boolean {
  return ["127.0.0.1", "[::1]", "localhost"].includes(new URL(url).hostname);
}
