import { readFileSync } from "node:fs";

/** The numeric id of a user of this machine, such as those that Debian's packages make; undefined when there is none. */
export function findUserId(name: string): number | undefined {
  const line = readFileSync("/etc/passwd", "utf8")
    .split("\n")
    .find((entry) => entry.startsWith(`${name}:`));
  const id = Number(line?.split(":")[2]);
  return line !== undefined && Number.isInteger(id) ? id : undefined;
}
