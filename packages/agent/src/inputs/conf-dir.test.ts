import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { launchProcess, makeTempDir, waitUntil } from "@muster/testing";
import { CONF_LIMITS, ConfDir } from "./conf-dir.ts";

const ID = "dkinput_bt6um9bksvvesmk79370";
const OTHER = "dkinput_btk0mm18d3b2j62nh4o0";
const TEXT = "[[inputs.cpu]]\n  percpu = true\n";

test("every .conf below the folder is found; ids are managed, foreign names are not, .disabled is off", async (scope) => {
  const folder = await makeTempDir(scope);
  mkdirSync(join(folder, "db/deep"), { recursive: true });
  for (const name of [
    `${ID}.conf`,
    `${OTHER}.conf.disabled`,
    "mysql-2.conf",
    "db/deep/redis.conf",
    `db/${ID}.conf`,
    "cpu.conf.sample",
    "datakit.conf",
    ".hidden.conf",
  ])
    writeFileSync(join(folder, name), TEXT);
  const { files, cut } = new ConfDir(folder).list();
  assert.equal(cut, false);
  assert.deepEqual(
    files.map(({ file, id, managed, disabled }) => [file, id, managed, disabled]),
    [
      ["db/deep/redis.conf", "db/deep/redis.conf", false, false],
      [`db/${ID}.conf`, `db/${ID}.conf`, false, false],
      [`${ID}.conf`, ID, true, false],
      [`${OTHER}.conf.disabled`, OTHER, true, true],
      ["mysql-2.conf", "mysql-2.conf", false, false],
    ],
  );
});

test("links that leave the folder, .git, loops and files that are too large or too many are left alone", async (scope) => {
  const outside = await makeTempDir(scope);
  const folder = await makeTempDir(scope);
  writeFileSync(join(outside, "secret.conf"), TEXT);
  mkdirSync(join(folder, ".git"));
  writeFileSync(join(folder, ".git/cpu.conf"), TEXT);
  mkdirSync(join(folder, "a"));
  writeFileSync(join(folder, "a/large.conf"), "#".repeat(CONF_LIMITS.fileBytes + 1));
  symlinkSync(join(outside, "secret.conf"), join(folder, "link.conf"));
  symlinkSync(outside, join(folder, "linked"));
  symlinkSync(join(folder, "a"), join(folder, "a/loop"));
  symlinkSync("/nowhere", join(folder, "dangling.conf"));
  writeFileSync(join(folder, `${"n".repeat(200)}.conf`), TEXT);
  const dir = new ConfDir(folder);
  const { files } = dir.list();
  assert.deepEqual(
    files.map((file) => file.file),
    ["a/large.conf"],
  );
  assert.match(files[0]?.fault ?? "", /larger than 256 KiB/);
  for (let index = 0; index < CONF_LIMITS.files; index++) writeFileSync(join(folder, `b${index}.conf`), "");
  assert.deepEqual([dir.list().files.length, dir.list().cut], [CONF_LIMITS.files, true]);
});

test("ids that could leave the folder are refused before anything is touched", async (scope) => {
  const folder = await makeTempDir(scope);
  const dir = new ConfDir(join(folder, "conf.d"));
  for (const id of ["../x", `../${ID}`, ID.toUpperCase(), `${ID}/x`, `${ID}\n`, "dkinput_", "cpu", ""]) {
    assert.throws(() => dir.write(id, TEXT, { disabled: false }), /no id of an input/, id);
    assert.throws(() => dir.move(id, { disabled: true }), /no id of an input/, id);
    assert.throws(() => dir.remove(id), /no id of an input/, id);
  }
  assert.deepEqual(readdirSync(folder), []);
});

test("a written file is its owner's only, switching it off keeps its bytes, and removing it leaves nothing", async (scope) => {
  const folder = join(await makeTempDir(scope), "conf.d");
  const dir = new ConfDir(folder);
  const before = dir.list().version;
  dir.write(ID, TEXT, { disabled: false });
  assert.notEqual(dir.list().version, before);
  assert.equal(statSync(join(folder, `${ID}.conf`)).mode & 0o777, 0o600);
  dir.move(ID, { disabled: true });
  assert.equal(readFileSync(join(folder, `${ID}.conf.disabled`), "utf8"), TEXT);
  dir.move(ID, { disabled: false });
  const [file] = dir.list().files;
  assert.ok(file);
  assert.equal(dir.read(file), TEXT);
  dir.remove(ID);
  assert.deepEqual(readdirSync(folder), []);
});

test("a crash while several are switched leaves them all off, and one while nothing is switched leaves them as they are", async (scope) => {
  const module = fileURLToPath(new URL("./conf-dir.ts", import.meta.url));
  const THIRD = "dkinput_9m4e2mr0ui3e8a215n4g";
  for (const disabled of [true, false]) {
    const folder = await makeTempDir(scope);
    const dir = new ConfDir(folder);
    for (const id of [ID, OTHER]) dir.write(id, TEXT, { disabled: !disabled });
    dir.write(THIRD, TEXT, { disabled: false });
    const program = `import { ConfDir } from ${JSON.stringify(module)};
      const dir = new ConfDir(process.argv[1]);
      await dir.switchTogether(${JSON.stringify([ID, OTHER])}, async () => {
        dir.move("${ID}", { disabled: ${disabled} });
        process.kill(process.pid, "SIGKILL");
        await new Promise(() => {});
      });`;
    const child = launchProcess(scope, { args: ["--input-type=module", "--eval", program, folder] });
    assert.deepEqual((await child.exited).signal, "SIGKILL", child.describe());
    const states = () => dir.list().files.map((file) => [file.id, file.disabled]);
    const isOff = (id: string) => states().find(([listed]) => listed === id)?.[1];
    assert.deepEqual([isOff(ID), isOff(OTHER)], [disabled, !disabled]);
    dir.sweep();
    assert.deepEqual([isOff(ID), isOff(OTHER), isOff(THIRD)], [true, true, false]);
    dir.move(OTHER, { disabled: false });
    dir.sweep();
    assert.equal(isOff(OTHER), false);
    assert.equal(readdirSync(folder).length, 3);
  }
});

test("several are switched as one, and nothing is left of that, whether it succeeds or not", async (scope) => {
  const folder = await makeTempDir(scope);
  const dir = new ConfDir(folder);
  for (const id of [ID, OTHER]) dir.write(id, TEXT, { disabled: false });
  await dir.switchTogether([ID, OTHER], async () => assert.ok(readdirSync(folder).length === 3));
  await assert.rejects(
    dir.switchTogether([ID, OTHER], () => Promise.reject(new Error("busy"))),
    /busy/,
  );
  await assert.rejects(
    dir.switchTogether([ID, "../x"], async () => {}),
    /no id of an input/,
  );
  assert.deepEqual(readdirSync(folder).sort(), [`${ID}.conf`, `${OTHER}.conf`].sort());
});

test("a file that is no text says so", async (scope) => {
  const folder = await makeTempDir(scope);
  writeFileSync(join(folder, "x.conf"), Buffer.from([0xff, 0xfe]));
  const dir = new ConfDir(folder);
  const [file] = dir.list().files;
  assert.ok(file);
  assert.throws(() => dir.read(file), /not UTF-8/);
});

test("kill -9 in the middle of writing leaves a whole text, and the next start sweeps what was unfinished", async (scope) => {
  const folder = await makeTempDir(scope);
  const dir = new ConfDir(folder);
  dir.write(ID, TEXT, { disabled: false });
  const module = fileURLToPath(new URL("./conf-dir.ts", import.meta.url));
  const program = `import { ConfDir } from ${JSON.stringify(module)};
    const dir = new ConfDir(process.argv[1]);
    const text = (letter) => letter.repeat(200_000) + "\\n";
    for (;;) for (const letter of ["a", "b"]) dir.write("${ID}", text(letter), { disabled: false });`;
  for (let round = 0; round < 3; round++) {
    const child = launchProcess(scope, { args: ["--input-type=module", "--eval", program, folder] });
    const path = join(folder, `${ID}.conf`);
    await waitUntil("a write of the child", () => statSync(path).size > 1000);
    for (let more = 0; more < round; more++) {
      const { ino } = statSync(path);
      await waitUntil("its next write", () => statSync(path).ino !== ino, { everyMs: 1 });
    }
    await child.stop("SIGKILL");
    assert.match(readFileSync(path, "utf8"), /^(a{200000}|b{200000})\n$/);
    dir.write(ID, TEXT, { disabled: false });
  }
  // what a crash between writing and renaming leaves, whether or not one of the rounds met that moment
  writeFileSync(join(folder, `.${ID}.00ff.new`), "half");
  assert.deepEqual(
    dir.list().files.map((file) => file.file),
    [`${ID}.conf`],
  );
  dir.sweep();
  assert.deepEqual(readdirSync(folder), [`${ID}.conf`]);
  assert.ok(existsSync(join(folder, `${ID}.conf`)));
});
