import assert from "node:assert/strict";
import { test } from "node:test";
import type { RecordItem, RecordPage } from "@muster/core/resources";
import { addArrived, joinRecords, MAX_ARRIVED, NOTHING_ARRIVED, tailRecords } from "./record-tail.ts";

const of = (id: string) => ({ id }) as RecordItem;
const ids = (items: readonly RecordItem[]) => items.map(({ id }) => id).join(" ");

test("what arrives stands above what was found, newest first and once", () => {
  const arrived = addArrived(addArrived(NOTHING_ARRIVED, [of("3"), of("4")]), [of("5")]);
  assert.equal(ids(arrived.items), "5 4 3");
  assert.equal(ids(joinRecords(arrived, [of("3"), of("2")])), "5 4 3 2");
  assert.equal(ids(joinRecords(NOTHING_ARRIVED, [of("1")])), "1");
});

test("a flood lets older ones go and hides no gap", () => {
  const flood = Array.from({ length: MAX_ARRIVED + 1 }, (_, index) => of(String(index)));
  const arrived = addArrived(NOTHING_ARRIVED, flood);
  assert.deepEqual(
    [arrived.items.length, arrived.isCut, arrived.items[0]?.id],
    [MAX_ARRIVED, true, String(MAX_ARRIVED)],
  );
  assert.equal(joinRecords(arrived, [of("older")]).at(-1)?.id, "1");
});

test("following goes on where it was when the server was away, and says so once", async () => {
  const answers: (RecordPage | "away")[] = [
    { items: [of("1")], nextCursor: null, tailCursor: "b" },
    "away",
    "away",
    { items: [of("2")], nextCursor: null, tailCursor: "c" },
    { items: [], nextCursor: null, tailCursor: "c" },
  ];
  const stop = new AbortController();
  const told: string[] = [];
  await tailRecords(
    "a",
    {
      read: async (after) => {
        told.push(`read ${after}`);
        const answer = answers.shift();
        if (answer === "away" || !answer) throw new Error("away");
        return answer;
      },
      onItems: (items) => told.push(`items ${ids(items)}`),
      onLost: (isLost) => told.push(isLost ? "lost" : "back"),
      rest: async (ms) => {
        told.push(`rest ${ms}`);
        if (answers.length === 0) stop.abort();
      },
    },
    stop.signal,
  );
  assert.deepEqual(told, [
    ...["read a", "items 1", "read b", "lost", "rest 3000", "read b", "rest 3000"],
    ...["read b", "back", "items 2", "read c", "rest 1000"],
  ]);
});
