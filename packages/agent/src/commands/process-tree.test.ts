import assert from "node:assert/strict";
import { test } from "node:test";
import { type ProcessRow, parseProcessStat } from "./process-table.ts";
import { findTree } from "./process-tree.ts";
import { findAccount, resolveRunAs } from "./run-as.ts";

const row = (pid: number, parts: Partial<ProcessRow>): ProcessRow => {
  return { pid, parent: 1, group: pid, session: pid, state: "S", startedAt: 10, ...parts };
};
const find = (
  rows: ProcessRow[],
  root: { pid?: number; startedAt?: number; isChild?: boolean },
  marked: number[] = [],
) => findTree({ runId: "r", ...root }, rows, (pid) => marked.includes(pid)).sort((a, b) => a - b);

test("a process's line is read although its name holds spaces and brackets", () => {
  const line = "4242 (a) b (c) S 1 4200 4100 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 987654 1000 1 2";
  assert.deepEqual(parseProcessStat(line), {
    pid: 4242,
    state: "S",
    parent: 1,
    group: 4200,
    session: 4100,
    startedAt: 987654,
  });
  assert.equal(parseProcessStat("nonsense"), undefined);
});

test("a tree is the leader, its group, its session, their descendants and what carries the mark", () => {
  const rows = [
    row(500, {}),
    row(501, { parent: 500, group: 500, session: 500 }),
    row(502, { parent: 1, group: 502, session: 500 }),
    row(503, { parent: 502, group: 503, session: 503 }),
    row(504, { parent: 503, group: 503, session: 503 }),
    row(600, {}),
    row(700, { parent: 1 }),
    row(701, { parent: 700 }),
    row(505, { parent: 500, group: 500, session: 500, state: "Z" }),
  ];
  assert.deepEqual(find(rows, { pid: 500, startedAt: 10 }, [600]), [500, 501, 502, 503, 504, 600]);
});

test("a number that was used again costs no stranger its life", () => {
  const strangers = [row(500, { startedAt: 99 }), row(501, { parent: 500, group: 500, session: 500 })];
  assert.deepEqual(find(strangers, { pid: 500, startedAt: 10, isChild: true }), []);
  const leaderless = [row(501, { group: 500, session: 500 })];
  assert.deepEqual(find(leaderless, { pid: 500, startedAt: 10 }), [], "after a crash the group alone proves nothing");
  assert.deepEqual(find(leaderless, { pid: 500, startedAt: 10, isChild: true }), [501]);
});

test("neither init nor the agent itself is ever in a tree", () => {
  const rows = [row(1, {}), row(process.pid, { parent: 500, group: 500, session: 500 })];
  assert.deepEqual(find(rows, { pid: 500, isChild: true }, [1, process.pid]), []);
});

test("accounts are found by name or number, and odd lines are passed over", () => {
  const passwd = "root:x:0:0:root:/root:/bin/bash\n\nbroken\nweb:x:1001:1002::/home/web:\n+::::::\n";
  assert.deepEqual(findAccount(passwd, "web"), {
    name: "web",
    uid: 1001,
    gid: 1002,
    home: "/home/web",
    shell: "/bin/sh",
  });
  assert.equal(findAccount(passwd, "1001")?.name, "web");
  assert.equal(findAccount(passwd, "nobody-here"), undefined);
});

test("running as an unknown user is refused with a reason", () => {
  assert.throws(() => resolveRunAs("no-such-user-here"), /no user "no-such-user-here"/);
  assert.equal(resolveRunAs(undefined), undefined);
});
