import assert from "node:assert/strict";
import { mkdir, rm, symlink, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { makeTempDir } from "@muster/testing";
import { currentUser } from "./commands/run-as.ts";
import { DEFAULT_POLICY, PolicyFile, parsePolicy, refuseAction, refuseExec } from "./policy.ts";

test("without a file metrics, configs, inputs and commands are allowed, a terminal and files are not", async (scope) => {
  const policy = await new PolicyFile(join(await makeTempDir(scope), "policy.yaml")).load();
  for (const action of ["metrics", "config", "inputs", "exec"] as const)
    assert.equal(refuseAction(policy, action), undefined);
  for (const action of ["terminal", "files"] as const)
    assert.match(refuseAction(policy, action) ?? "", /does not allow/);
});

test("only listed users may be run as; the agent's own user is no exception", () => {
  const policy = parsePolicy({ users: ["deploy"] });
  assert.equal(refuseExec(policy, { user: "deploy", cwd: "/", argv: null, searchPath: "/bin" }), undefined);
  assert.match(
    refuseExec(policy, { user: null, cwd: "/", argv: null, searchPath: "/bin" }) ?? "",
    new RegExp(currentUser()),
  );
  assert.match(
    refuseExec(parsePolicy({ users: null }), { user: "deploy", cwd: "/", argv: null, searchPath: "/bin" }) ?? "",
    /deploy/,
  );
});

test("denied paths hold for working directories and programs, also through links and dots", async (scope) => {
  const folder = await makeTempDir(scope);
  await mkdir(join(folder, "secret/deep"), { recursive: true });
  await symlink(join(folder, "secret"), join(folder, "link"));
  await writeFile(join(folder, "secret/tool"), "");
  const policy = parsePolicy({ "deny-paths": [join(folder, "secret")] });
  const refuse = (cwd: string, argv: string[] | null) =>
    refuseExec(policy, { user: null, cwd, argv, searchPath: `/bin:${join(folder, "link")}` });
  assert.match(refuse(join(folder, "secret/deep"), null) ?? "", /denies the path/);
  assert.match(refuse(join(folder, "link"), null) ?? "", /denies the path/);
  assert.match(refuse(folder, ["./x/../secret/tool"]) ?? "", /denies the path/);
  assert.match(refuse(folder, [join(folder, "link", "not-there-yet")]) ?? "", /denies the path/);
  assert.match(refuse(folder, ["tool"]) ?? "", /denies the path/, "found by the search path");
  assert.equal(refuse(folder, ["/bin/sh"]), undefined);
  assert.equal(refuse(join(folder, "secretive"), null), undefined);
});

test("a file that cannot be understood refuses everything and says why", async (scope) => {
  const path = join(await makeTempDir(scope), "policy.yaml");
  const broken = [
    "allow: [exec, everything]",
    "deny-path: [/etc]",
    "- a list",
    "allow: exec",
    "deny-paths: [etc]",
    "a: [",
    "",
  ];
  for (const content of broken) {
    await writeFile(path, content);
    const policy = await new PolicyFile(path).load();
    assert.match(refuseAction(policy, "metrics") ?? "", /cannot be used, so nothing is allowed/, content);
    assert.match(refuseExec(policy, { user: null, cwd: "/", argv: null, searchPath: "/bin" }) ?? "", /cannot be used/);
  }
});

test("a file that cannot be read refuses everything", async (scope) => {
  const folder = await makeTempDir(scope);
  assert.match(refuseAction(await new PolicyFile(folder).load(), "exec") ?? "", /cannot be used/);
});

test("a changed file counts at once", async (scope) => {
  const path = join(await makeTempDir(scope), "policy.yaml");
  const file = new PolicyFile(path);
  assert.equal(await file.load(), DEFAULT_POLICY);
  await writeFile(path, "allow: [metrics]");
  assert.match(refuseAction(await file.load(), "exec") ?? "", /does not allow exec/);
  await writeFile(path, "allow: [metrics, exec]");
  await utimes(path, 1, 1);
  assert.equal(refuseAction(await file.load(), "exec"), undefined);
  await rm(path);
  assert.equal(await file.load(), DEFAULT_POLICY);
});
