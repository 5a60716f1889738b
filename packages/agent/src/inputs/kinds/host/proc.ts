import { readFileSync } from "node:fs";

/** Where a collector reads; tests have a folder of recorded files instead. */
export interface HostRoots {
  readonly proc: string;
  readonly sys: string;
}

export const HOST_ROOTS: HostRoots = { proc: "/proc", sys: "/sys" };

/** Refuses to start where there is no /proc. */
export function requireLinux(kind: string): void {
  if (process.platform === "linux") return;
  throw new Error(`the input "${kind}" reads /proc and runs on Linux only; this host is ${process.platform}`);
}

/** The content of a small file of /proc or /sys; undefined when it is not there or must not be read. */
export function readSmall(path: string): string | undefined {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return undefined;
  }
}

/** Such a file with its one number; undefined when it has none. */
export function readNumber(path: string): number | undefined {
  const text = readSmall(path)?.trim();
  if (text === undefined || !/^-?\d+$/.test(text)) return undefined;
  return Number(text);
}

/** Like `readSmall`, but says what is wrong: for what a collector cannot do without. */
export function readNeeded(path: string): string {
  const text = readSmall(path);
  if (text === undefined) throw new Error(`${path} cannot be read`);
  return text;
}

/** Numbers of files with lines `name value`, such as /proc/vmstat; a colon after the name is allowed. */
export function parsePairs(text: string): Map<string, number> {
  const pairs = new Map<string, number>();
  for (const line of text.split("\n")) {
    const [name = "", value] = line.split(/:?\s+/, 2);
    if (name !== "" && value !== undefined && /^\d+$/.test(value)) pairs.set(name, Number(value));
  }
  return pairs;
}

/** AT_PAGESZ of the auxiliary vector (getauxval(3)): pairs of 64-bit numbers. */
const AT_PAGESZ = 6n;

/** Size of a page of memory in bytes: 4096 nearly everywhere, more on some 64-bit ARM. */
export function readPageSize(proc: string): number {
  const vector = Buffer.from(readSmall(`${proc}/self/auxv`) ?? "", "latin1");
  for (let at = 0; at + 16 <= vector.length; at += 16) {
    if (vector.readBigUInt64LE(at) === AT_PAGESZ) return Number(vector.readBigUInt64LE(at + 8));
  }
  return 4096;
}
