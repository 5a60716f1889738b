import { readFileSync } from "node:fs";

/** The version of the package, which lies one folder above both the sources and the bundle. */
export function readVersion(): string {
  const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as {
    version: string;
  };
  return version;
}
