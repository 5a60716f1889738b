import assert from "node:assert/strict";
import { appendFile, mkdir, readFile, rename, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { findUndescribed, tryKind } from "../../shared/kinds-for-test.ts";
import { logging } from "./kind.ts";
import { followFolder, followLines, lines } from "./tail-for-test.ts";

test("the sample runs on this host", async (scope) => {
  const { collector } = await tryKind(scope, logging);
  await collector.stop?.();
});

test("a line comes when it has an end, and the points are as described", async (scope) => {
  const followed = await followFolder(scope);
  const path = join(followed.folder, "app.log");
  await writeFile(path, `ERROR first\r\n\nhal`);
  const trial = await followed.start({ service: "shop" });
  await followed.expect(1);
  await appendFile(path, "f done\n");
  assert.deepEqual(await followed.expect(2), ["ERROR first", "half done"]);
  assert.deepEqual(
    trial.points.map(({ tags, fields }) => ({ ...tags, ...fields })),
    [
      {
        filename: "app.log",
        filepath: path,
        service: "shop",
        message: "ERROR first",
        status: "error",
        message_length: 11n,
        log_read_offset: 13n,
      },
      {
        filename: "app.log",
        filepath: path,
        service: "shop",
        message: "half done",
        status: "info",
        message_length: 9n,
        log_read_offset: 24n,
      },
    ],
  );
  assert.deepEqual(findUndescribed(logging, trial.points), []);
});

test("what is in a file at the first sight is left alone unless it is asked for; later files are read whole", async (scope) => {
  const followed = await followFolder(scope);
  const options = { from_beginning: false, logfiles: [join(followed.folder, "*.log")] };
  await writeFile(join(followed.folder, "old.log"), "old\nhalf of");
  const first = await followed.start(options);
  await appendFile(join(followed.folder, "old.log"), " a line\n");
  await writeFile(join(followed.folder, "new.log"), lines("new"));
  await followed.expect(2);
  await first.collector.stop?.();
  await writeFile(join(followed.folder, "meanwhile.log"), lines("meanwhile"));
  await followed.start(options);
  assert.deepEqual((await followed.expect(3)).toSorted(), ["half of a line", "meanwhile", "new"]);
});

test("files that a pattern names for the first time after a change of the options begin at their ends", async (scope) => {
  const followed = await followFolder(scope);
  await writeFile(join(followed.folder, "a.txt"), lines("old"));
  await writeFile(join(followed.folder, "a.log"), lines("old"));
  const first = await followed.start({ from_beginning: false, logfiles: [join(followed.folder, "*.log")] });
  await first.collector.stop?.();
  await followed.start({ from_beginning: false, logfiles: [join(followed.folder, "*.{log,txt}")] });
  await appendFile(join(followed.folder, "a.txt"), lines("new"));
  assert.deepEqual(await followed.expect(1), ["new"]);
});

test("a record of several lines is complete with the next one or with time", async (scope) => {
  const followed = await followFolder(scope);
  const path = join(followed.folder, "app.log");
  await writeFile(path, lines("1 failed", "  at here", "2 fine"));
  await followed.start({ multiline_match: "^\\d" });
  assert.deepEqual(await followed.expect(1), ["1 failed\n  at here"]);
  await followed.pass(5000);
  assert.deepEqual(followed.messages, ["1 failed\n  at here", "2 fine"]);
});

test("a queue that refuses holds the reading up; the trouble is told once", async (scope) => {
  const followed = await followFolder(scope);
  await writeFile(join(followed.folder, "app.log"), lines("a1", "a2"));
  let refusals = 0;
  followed.emit = async () => {
    refusals += 1;
    if (refusals <= 3) throw new Error("the queue is full");
  };
  const trial = await followed.start();
  assert.deepEqual(await followed.expect(2), ["a1", "a2"]);
  assert.deepEqual(trial.troubles, ["the queue is full"]);
});

test("a batch whose fate is unknown is given again under its name, with what it had and no more", async (scope) => {
  const followed = await followFolder(scope);
  const path = join(followed.folder, "app.log");
  await writeFile(path, lines("a1", "a2"));
  const given: { batch: string; messages: string[] }[] = [];
  const note = (points: readonly { fields: Readonly<Record<string, unknown>> }[], batch: string) =>
    given.push({ batch, messages: points.map(({ fields }) => String(fields.message)) });
  followed.emit = (points, batch) => {
    note(points, batch);
    return new Promise(() => {}); // taken or not: nobody will know
  };
  const first = await followed.start();
  await followed.pass(500);
  await first.collector.stop?.();
  await appendFile(path, lines("a3"));
  followed.emit = async (points, batch) => void note(points, batch);
  await followed.start();
  await followed.expect(3);
  assert.deepEqual(
    given.map(({ messages }) => messages),
    [["a1", "a2"], ["a1", "a2"], ["a3"]],
  );
  assert.equal(given[1]?.batch, given[0]?.batch);
  assert.notEqual(given[2]?.batch, given[0]?.batch);
});

test("a file is known again by its path and content when its device has another number", async (scope) => {
  const { followed, path, first } = await followLines(scope, ["a1"]);
  await first.collector.stop?.();
  const journal = join(followed.folder, "state/positions.jsonl");
  const text = await readFile(journal, "utf8");
  await writeFile(journal, text.replaceAll(/"key":"\d+:/g, '"key":"4711:'));
  await appendFile(path, lines("a2"));
  await followed.start();
  assert.deepEqual(await followed.expect(2), ["a1", "a2"]);
});

test("a file that was out of sight goes on where it was", async (scope) => {
  const followed = await followFolder(scope);
  const folder = join(followed.folder, "mounted");
  await mkdir(folder);
  await writeFile(join(folder, "app.log"), lines("a1"));
  const options = { logfiles: [join(folder, "*.log")], max_open_files: 1 };
  await followed.start(options);
  await followed.expect(1);
  await rename(folder, `${folder}.away`);
  await appendFile(join(`${folder}.away`, "app.log"), lines("a2"));
  await followed.pass(70_000);
  await rename(`${folder}.away`, folder);
  await appendFile(join(folder, "app.log"), lines("a3"));
  assert.deepEqual(await followed.expect(3), ["a1", "a2", "a3"]);
});

test("more files than may be open are read in turns", async (scope) => {
  const followed = await followFolder(scope);
  const names = Array.from({ length: 12 }, (_, index) => `f${index}.log`);
  for (const name of names) await writeFile(join(followed.folder, name), lines(`${name} 1`));
  await followed.start({ logfiles: [join(followed.folder, "*.log")], max_open_files: 2 });
  await followed.expect(12);
  for (const name of names) await appendFile(join(followed.folder, name), lines(`${name} 2`));
  const messages = await followed.expect(24);
  assert.deepEqual(messages.toSorted(), names.flatMap((name) => [`${name} 1`, `${name} 2`]).toSorted());
});

test("a file that did not change for long is read from where it was when it changes", async (scope) => {
  const followed = await followFolder(scope);
  const path = join(followed.folder, "app.log");
  await writeFile(path, lines("ancient"));
  await utimes(path, 1_600_000_000, 1_600_000_000);
  await followed.start();
  await followed.pass(2000);
  await appendFile(path, lines("awake"));
  assert.deepEqual(await followed.expect(1), ["awake"]);
});

test("other encodings, long lines, colours and unwanted statuses", async (scope) => {
  const followed = await followFolder(scope);
  const path = join(followed.folder, "app.log");
  const gbk = Buffer.from("d6d0b9fa0a", "hex");
  await writeFile(
    path,
    Buffer.concat([gbk, Buffer.from(`\u001b[31mred\u001b[0m\nDEBUG no\n${"x".repeat(100)}\nend\n`)]),
  );
  await followed.start({
    character_encoding: "GBK",
    maximum_length: 64,
    remove_ansi_escape_codes: true,
    ignore_status: ["debug"],
  });
  assert.deepEqual(await followed.expect(4), ["\u4e2d\u56fd", "red", `${"x".repeat(64)} ...(cut)`, "end"]);
});

test("options that cannot work are refused by name", async (scope) => {
  const followed = await followFolder(scope);
  await assert.rejects(followed.start({ logfiles: [] }), /"logfiles" must name at least one file/);
  await assert.rejects(
    followed.start({ logfiles: ["relative.log"] }),
    /logfiles\[0\].*is no absolute path: relative.log/,
  );
  await assert.rejects(followed.start({ character_encoding: "klingon" }), /character_encoding/);
});
