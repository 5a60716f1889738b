import assert from "node:assert/strict";
import { mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { makeTempDir } from "@muster/testing";
import { compileGlob, expandGlobs } from "./globs.ts";

test("a pattern says which paths it means", () => {
  const matches = (glob: string, path: string) => compileGlob(glob).test(path);
  assert.ok(matches("/var/log/*.log", "/var/log/a.log"));
  assert.ok(!matches("/var/log/*.log", "/var/log/sub/a.log"));
  assert.ok(!matches("/var/log/*.log", "/var/log/axlog"));
  assert.ok(matches("/var/**/*.log", "/var/a.log"));
  assert.ok(matches("/var/**/*.log", "/var/a/b/c.log"));
  assert.ok(matches("/var/log/**", "/var/log/a/b"));
  assert.ok(matches("/l/app[0-9].{log,txt}", "/l/app3.txt"));
  assert.ok(!matches("/l/app[!0-9].log", "/l/app3.log"));
  assert.ok(matches("/l/a?c(1)+$", "/l/abc(1)+$"));
  assert.throws(() => compileGlob("relative/*.log"), /no absolute path/);
  assert.throws(() => compileGlob("/a/[b"), /without its \]/);
  assert.throws(() => compileGlob("/a/{b"), /without its \}/);
});

test("folders are searched as deep as the pattern goes, and links to folders are not followed", async (scope) => {
  const folder = await makeTempDir(scope);
  await mkdir(join(folder, "a/b"), { recursive: true });
  for (const name of ["x.log", "x.txt", "a/y.log", "a/b/z.log"]) await writeFile(join(folder, name), "");
  await symlink(folder, join(folder, "a/loop"));
  const expand = async (globs: string[], ignore: string[] = []) => {
    const paths = await expandGlobs(
      globs.map((glob) => join(folder, glob)),
      ignore.map((glob) => compileGlob(join(folder, glob))),
    );
    return paths.map((path) => path.slice(folder.length + 1)).sort();
  };
  assert.deepEqual(await expand(["*.log"]), ["x.log"]);
  assert.deepEqual(await expand(["*/*.log"]), ["a/y.log"]);
  assert.deepEqual(await expand(["**/*.log"]), ["a/b/z.log", "a/y.log", "x.log"]);
  assert.deepEqual(await expand(["**/*.log", "missing.log"], ["a/**"]), ["missing.log", "x.log"]);
  assert.deepEqual(await expand(["nowhere/*.log"]), []);
});
