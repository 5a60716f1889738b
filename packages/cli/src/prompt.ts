import { MusterError } from "@muster/core";
import type { CliHost } from "./context.ts";

const CTRL_C = "\u0003";
const CTRL_D = "\u0004";
const MAX_STDIN = 4096;

/** Asks on the terminal, with echo; `fallback` is taken for an empty answer. */
export function askLine(host: CliHost, question: string): Promise<string> {
  return readKeys(host, question, true);
}

/** Asks on the terminal; nothing of the answer is shown, not even its length. */
export function askSecret(host: CliHost, question: string): Promise<string> {
  return readKeys(host, question, false);
}

/** All of stdin without its last newline, for `--password-stdin`. */
export async function readSecretFromStdin(stdin: AsyncIterable<Buffer | string>): Promise<string> {
  let text = "";
  for await (const part of stdin) {
    text += part.toString();
    if (text.length > MAX_STDIN) throw new MusterError("invalid_argument", "the password on stdin is too long");
  }
  return text.replace(/\r?\n$/, "");
}

/** Reads one line key by key in raw mode, so that the terminal itself echoes nothing. */
function readKeys(host: CliHost, question: string, echo: boolean): Promise<string> {
  const { stdin, stderr } = host;
  if (!stdin.isTTY) throw new MusterError("invalid_argument", "there is no terminal to ask on");
  stderr.write(question);
  stdin.setRawMode(true);
  stdin.setEncoding("utf8");
  stdin.resume();
  return new Promise((resolve, reject) => {
    let answer = "";
    const finish = (settle: () => void) => {
      stdin.off("data", onKeys);
      stdin.setRawMode(false);
      stdin.pause();
      stderr.write("\n");
      settle();
    };
    const onKeys = (keys: string) => {
      for (const key of keys) {
        if (key === "\r" || key === "\n") return finish(() => resolve(answer));
        if (key === CTRL_C || key === CTRL_D) {
          return finish(() => reject(new MusterError("failed_precondition", "interrupted")));
        }
        if (key === "\u007f" || key === "\b") {
          if (echo && answer !== "") stderr.write("\b \b");
          answer = answer.slice(0, -1);
        } else if (key >= " ") {
          answer += key;
          if (echo) stderr.write(key);
        }
      }
    };
    stdin.on("data", onKeys);
  });
}

/** Goes on only after a yes; without a terminal to ask on, `--yes` must have been given. */
export async function confirm(host: CliHost, question: string): Promise<void> {
  if (!host.stdin.isTTY) throw new MusterError("invalid_argument", "nobody to ask: add --yes to confirm");
  const answer = await askLine(host, `${question} [y/N] `);
  if (!/^y(es)?$/i.test(answer.trim())) throw new MusterError("failed_precondition", "nothing was done");
}
