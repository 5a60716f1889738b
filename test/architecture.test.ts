import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join, posix } from "node:path";
import { test } from "node:test";
import { findLines, listImports, readSources, repository, type SourceFile } from "./support/sources.ts";

/** Who may import whom: docs/architecture.md, section "Who may import whom". A package not named here may import nothing of ours. */
const PACKAGES: Readonly<Record<string, readonly string[]>> = {
  core: [],
  protocols: ["core"],
  server: ["core", "protocols"],
  agent: ["core", "protocols"],
  sdk: ["core", "protocols"],
  cli: ["core", "sdk"],
  console: ["core", "sdk"],
  muster: ["core", "server", "agent", "cli", "sdk"],
  testing: ["core", "protocols"],
};

/** The rooms of the server and the rooms that each may use, besides itself and `core`. main.ts may use all of them. */
const ROOMS: Readonly<Record<string, readonly string[]>> = {
  doors: ["fleet"],
  links: ["fleet"],
  api: ["fleet"],
  jobs: ["fleet"],
  fleet: ["store", "bus"],
  listeners: [],
  store: [],
  bus: [],
  outbound: [],
};

/** What a listener hands over (PlainRequest, Connection, Door): the one file of that room that its users may know. */
const LISTENER_CONTRACT = "listeners/door.ts";
const USES_LISTENER_CONTRACT = ["doors", "api", "links"];

const SOCKET_MODULES = ["net", "tls", "http", "https", "http2", "dgram", "ws"];
/** node:net also knows what an address is; that opens nothing. */
const ADDRESS_ARITHMETIC = /^import (type )?\{ ((isIP|isIPv4|isIPv6|BlockList|SocketAddress)(, )?)+ \} from "node:net"/;

/** Longer files, each with the reason why splitting it would not help the reader. */
const LONG_FILES: Readonly<Record<string, string>> = {};
const MAX_LINES = 450;

/** Holds the text of a script that starts the agent on a new host, in which `process.env` is that script's. */
const WRITES_A_PROGRAM = "packages/server/src/api/install-script.ts";

const files = readSources();
const code = files.filter((file) => !file.isTest && file.package !== "testing");

function assertNone(problems: readonly string[], rule: string): void {
  assert.equal(problems.length, 0, `${rule}\n  ${problems.join("\n  ")}\n`);
}

test("a package imports only the packages that the table allows, and only through their exports", () => {
  const problems: string[] = [];
  for (const file of files) {
    const allowed = [...(PACKAGES[file.package] ?? []), ...(file.isTest ? ["testing", "protocols"] : []), file.package];
    for (const { specifier, line } of listImports(file)) {
      const place = `${file.path}:${line}  ${specifier}`;
      if (specifier.startsWith(".")) {
        const target = posix.join(posix.dirname(file.path), specifier);
        if (!target.startsWith(`packages/${file.package}/`)) problems.push(`${place}  (leaves its package)`);
      } else if (specifier.startsWith("/") || specifier.includes("node_modules")) {
        problems.push(`${place}  (a path of one machine)`);
      } else if (specifier.startsWith("@muster/") && !allowed.includes(specifier.split("/")[1] ?? "")) {
        problems.push(place);
      }
    }
  }
  assertNone(problems, "the table of packages is broken:");
});

test("inside the server a room imports only the rooms that the table allows", () => {
  const problems: string[] = [];
  for (const file of code.filter((candidate) => candidate.package === "server")) {
    const [room, family] = roomOf(file.inside);
    if (room === "") continue; // main.ts and config.ts wire the rooms together
    for (const { specifier, line } of listImports(file)) {
      if (!specifier.startsWith(".")) continue;
      const target = posix.join(posix.dirname(file.inside), specifier);
      const [targetRoom, targetFamily] = roomOf(target);
      const sameFamily = room !== "doors" || targetRoom !== "doors" || family === targetFamily || targetFamily === "";
      const allowed =
        (targetRoom === room && sameFamily) ||
        (ROOMS[room] ?? []).includes(targetRoom) ||
        (target === LISTENER_CONTRACT && USES_LISTENER_CONTRACT.includes(room));
      if (!allowed) problems.push(`${file.path}:${line}  ${specifier}`);
    }
    if (!Object.hasOwn(ROOMS, room)) problems.push(`${file.path}: ${room} is not in the table of rooms`);
  }
  assertNone(problems, "the table of rooms is broken:");
});

test("only listeners open sockets: protocols and the fleet know none", () => {
  const problems: string[] = [];
  for (const file of code) {
    const pure = file.package === "core" || file.package === "protocols";
    const room = file.package === "server" ? roomOf(file.inside)[0] : "";
    if (!pure && !["fleet", "doors", "store", "jobs"].includes(room)) continue;
    for (const { specifier, line } of listImports(file)) {
      if (ADDRESS_ARITHMETIC.test(file.lines[line - 1] ?? "")) continue;
      if (SOCKET_MODULES.includes(specifier.replace(/^node:/, ""))) problems.push(`${file.path}:${line}  ${specifier}`);
    }
  }
  assertNone(problems, "a socket where none belongs:");
});

test("the agent starts without a schema library", () => {
  const problems: string[] = [];
  for (const file of code.filter((candidate) => candidate.package === "agent" || candidate.package === "protocols")) {
    for (const { specifier, line } of listImports(file)) {
      // the names may stand on lines of their own above
      const statement = file.lines.slice(0, line).findLast((text) => /^\s*(import|export)\b/.test(text));
      const isTypeOnly = /^\s*(import|export)\s+type\b/.test(statement ?? "");
      const isSchema = specifier === "zod" || specifier === "@muster/core/resources";
      if (isSchema && !isTypeOnly) problems.push(`${file.path}:${line}  ${specifier}`);
    }
  }
  assertNone(problems, "loads zod on the agent:");
});

test("the fleet asks for capabilities and never for a protocol's name", () => {
  const fleet = code.filter((file) => file.package === "server" && file.inside.startsWith("fleet/"));
  assertNone(findLines(fleet, /\bprotocol\s*[!=]==?\s*["'`]/), "a decision by protocol:");
});

test("one file reads the system's time, everything else is given a clock", () => {
  const others = code.filter((file) => file.path !== "packages/core/src/time.ts");
  assertNone(findLines(others, /\bDate\.now\(|\bnew Date\(\)/), "reads the time by itself:");
});

test("the environment is read where a program starts and nowhere else", () => {
  const others = code.filter((file) => {
    const startsPrograms = file.package === "muster" || /(^|\/)(main|index|config)\.ts$/.test(file.inside);
    return !startsPrograms && file.path !== WRITES_A_PROGRAM;
  });
  assertNone(findLines(others, /\bprocess\.env\b/), "reads the environment by itself:");
});

test("no file is too long to hold in the head", () => {
  const long = files
    .map((file) => ({ path: file.path, length: file.lines.length - 1 }))
    .filter(({ path, length }) => length > MAX_LINES && !Object.hasOwn(LONG_FILES, path))
    .map(({ path, length }) => `${length} lines  ${path}`);
  assertNone(long, `longer than ${MAX_LINES} lines:`);
});

test("scripts stay under a hundred lines", () => {
  const problems: string[] = [];
  for (const name of ["prepare", "run", "check", "test", "build", "suites", "node-binary", "chromium"]) {
    const lines = readFileSync(join(repository, `scripts/${name}.mjs`), "utf8").split("\n").length - 1;
    if (lines >= 100) problems.push(`${lines} lines  scripts/${name}.mjs`);
  }
  assertNone(problems, "a script that became a program:");
});

/** `doors/node/handshake.ts` → ["doors", "node"]; a file directly in a room has no family; `main.ts` has no room. */
function roomOf(inside: string): [room: string, family: string] {
  const parts = inside.split("/");
  if (parts.length === 1) return ["", ""];
  return [parts[0] ?? "", parts.length > 2 ? (parts[1] ?? "") : ""];
}

// the test of the test: a table that nothing could break would prove nothing
test("the reader of imports sees every form of import", () => {
  const file: SourceFile = {
    path: "packages/core/src/x.ts",
    package: "core",
    inside: "x.ts",
    isTest: false,
    lines: [
      'import { a } from "./a.ts";',
      'import type { B } from "./b.ts";',
      '} from "./c.ts";',
      'export * from "./d.ts";',
      'const e = await import("./e.ts");',
      'import "./f.ts";',
      '// import { no } from "./g.ts";',
    ],
  };
  const found = listImports(file).map((entry) => entry.specifier);
  assert.deepEqual(found, ["./a.ts", "./b.ts", "./c.ts", "./d.ts", "./e.ts", "./f.ts"]);
});
