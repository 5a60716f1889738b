import { readFileSync } from "node:fs";
import { userInfo } from "node:os";
import { MusterError } from "@muster/core";

/** The account that a command runs as. */
export interface Account {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
  readonly shell: string;
}

/** One line of passwd(5). */
export function findAccount(passwd: string, user: string): Account | undefined {
  for (const line of passwd.split("\n")) {
    const [name = "", , uid = "", gid = "", , home = "", shell = ""] = line.split(":");
    if (name === "" || (name !== user && uid !== user) || !/^\d+$/.test(uid) || !/^\d+$/.test(gid)) continue;
    return { name, uid: Number(uid), gid: Number(gid), home: home || "/", shell: shell || "/bin/sh" };
  }
  return undefined;
}

/** Who the agent itself is. */
export function currentUser(): string {
  try {
    return userInfo().username;
  } catch {
    return String(process.getuid?.() ?? "");
  }
}

/**
 * The account to switch to, undefined when the command runs as the agent's own user. Only root may switch. Accounts of
 * a directory service that /etc/passwd does not list are not found. Throws with the reason for the operator.
 */
export function resolveRunAs(user: string | undefined, passwdPath = "/etc/passwd"): Account | undefined {
  if (user === undefined || user === "" || user === currentUser()) return undefined;
  if (process.getuid === undefined) throw new MusterError("unimplemented", "this system cannot run as another user");
  let passwd: string;
  try {
    passwd = readFileSync(passwdPath, "utf8");
  } catch (cause) {
    throw new MusterError("failed_precondition", "the list of users cannot be read", {}, cause);
  }
  const account = findAccount(passwd, user);
  if (!account) throw new MusterError("not_found", `there is no user ${JSON.stringify(user)} on this host`);
  if (account.uid === process.getuid()) return undefined;
  if (process.getuid() !== 0) {
    throw new MusterError("permission_denied", "the agent does not run as root and cannot switch to another user");
  }
  return account;
}
