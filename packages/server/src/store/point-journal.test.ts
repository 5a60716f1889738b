import assert from "node:assert/strict";
import { test } from "node:test";
import { ManualScope, makeTempDir } from "@muster/testing";
import { PointJournal } from "./point-journal.ts";

test("records that came in parts, several at once, are handed back whole and in their order", async (context) => {
  const scope = new ManualScope();
  context.after(() => scope.close());
  const folder = await makeTempDir(scope);
  const journal = await PointJournal.open(folder);
  const texts = Array.from({ length: 700 }, (_, n) => [`head ${n}\n`, "x".repeat(n), ""]);
  await Promise.all(texts.map((parts) => journal.append(...parts.map((part) => Buffer.from(part)))));
  assert.equal(
    journal.bytes,
    texts.reduce((sum, parts) => sum + 8 + parts.join("").length, 0),
  );
  await journal.append(Buffer.from("last"));
  await journal.close();
  const next = await PointJournal.open(folder);
  const records: string[] = [];
  for await (const record of next.recover()) records.push(record.toString());
  assert.deepEqual(records, [...texts.map((parts) => parts.join("")), "last"]);
  await next.close();
});
