import assert from "node:assert/strict";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import type { Config, Group } from "@muster/core/resources";
import { answerJson, makeTempDir, type Scope, startStubServer } from "@muster/testing";
import { runCli } from "../main.ts";
import { makeConfig, makeGroup, makeHost } from "../test-fixtures.ts";

const KINDS = [{ id: "file", title: "File", formats: ["text"], capability: "configs", fileNames: true }];

interface Had {
  readonly groups?: readonly Group[];
  readonly configs?: readonly Config[];
  /** Of the newest revision, by id. */
  readonly texts?: Readonly<Record<string, string>>;
  /** `METHOD path` → status and body. */
  readonly refusals?: Readonly<Record<string, readonly [number, object]>>;
  readonly rollout?: object;
}

const EVERYONE = makeGroup({ id: "default", name: "default" });

/** A server that has something, answers what it is asked, and remembers what it was told. */
async function setUp(scope: Scope, files: Readonly<Record<string, string>>, had: Had = {}) {
  const told: string[] = [];
  const server = await startStubServer((request, response) => {
    const path = new URL(request.url, "http://x").pathname.replace("/fleet/v1/", "");
    const refusal = had.refusals?.[`${request.method} ${path}`];
    if (refusal) return answerJson(response, refusal[1], refusal[0]);
    const body = JSON.parse(request.body || "null") as Record<string, unknown>;
    if (request.method !== "GET") told.push([request.method, path, request.body].join(" ").trim());
    if (request.method === "POST" && path === "groups") return answerJson(response, makeGroup({ id: "new", ...body }));
    if (path.startsWith("configs/") && path.includes("/revisions/"))
      return answerJson(response, { text: had.texts?.[path.split("/")[1] ?? ""] });
    if (request.method === "POST" && path === "configs")
      return answerJson(response, makeConfig({ id: "new", revision: 1, ...body }), 201);
    if (request.method === "PATCH") return answerJson(response, makeConfig({ id: "c", revision: 8 }));
    if (path.startsWith("rollouts/")) return answerJson(response, had.rollout ?? {});
    if (request.method !== "GET") return answerJson(response, {});
    const items = { groups: had.groups ?? [EVERYONE], configs: had.configs ?? [], "config-kinds": KINDS }[path];
    return answerJson(response, { items, nextCursor: null });
  });
  scope.after(() => server[Symbol.asyncDispose]());
  const dir = await makeTempDir(scope);
  await mkdir(join(dir, "configs"));
  for (const [path, text] of Object.entries(files)) await writeFile(join(dir, path), text);
  const run = async (...argv: readonly string[]) => {
    const host = makeHost({ HOME: dir, MUSTER_SERVER: server.baseUrl, MUSTER_API_TOKEN: "mst_1" });
    return { code: await runCli(host, ["config", ...argv]), out: host.stdout.text, err: host.stderr.text };
  };
  return { dir, run, told };
}

const APP = "kind: file\ntext: |\n  new\ngroups: [default, web]\n";
const WEB = "groups:\n  - name: web\n    selector: role=web\n    position: 3\n";
const had: Had = {
  groups: [EVERYONE, makeGroup({ id: "g", name: "web", selector: "role=web", position: 3 })],
  configs: [
    makeConfig({
      id: "c",
      name: "app",
      revision: 7,
      groups: [
        { id: "default", name: "default", revision: 7 },
        { id: "g", name: "web", revision: 7 },
      ],
    }),
  ],
  texts: { c: "old\n" },
};

test("a dry run tells what would be done, changes nothing and ends with 2; with nothing to do it ends with 0", async (t) => {
  const fresh = await setUp(t, { "groups.yaml": WEB, "configs/app.yaml": APP });
  const { code, out, err } = await fresh.run("apply", "-f", fresh.dir, "--dry-run");
  assert.equal(code, 2);
  const lines = ["create group web", "create config app", "give app to group default", "give app to group web"];
  assert.equal(out, `${lines.join("\n")}\n`);
  assert.match(err, /4 changes to do/);
  const json = await fresh.run("apply", "-f", fresh.dir, "--dry-run", "--json");
  assert.equal(json.code, 2);
  assert.deepEqual(JSON.parse(json.out).changes[1], { what: "create_config", config: "app" });
  assert.deepEqual(fresh.told, []);

  const same = await setUp(t, { "groups.yaml": WEB, "configs/app.yaml": APP }, { ...had, texts: { c: "new\n" } });
  assert.deepEqual(await same.run("apply", "-f", same.dir, "--dry-run"), { code: 0, out: "", err: "nothing to do\n" });
  assert.equal((await same.run("diff", "-f", same.dir)).code, 0);
  assert.equal((await same.run("apply", "-f", same.dir)).code, 0);
  assert.deepEqual(same.told, []);
});

test("a mistake in the folder, or one that the server knows of, never ends as if there were something to do", async (t) => {
  const cases: readonly (readonly [string, RegExp])[] = [
    ["kind: wish\ntext: a\n", /configs\/app\.yaml: there is no kind wish; there are file/],
    ["kind: file\nformat: toml\ntext: a\n", /is text/],
    ["kind: file\ntext: a\ngroups: [nobody]\n", /no group nobody/],
    ["kind: [\n", /configs\/app\.yaml:2:1: /],
  ];
  for (const [text, words] of cases) {
    const { run, dir } = await setUp(t, { "configs/app.yaml": text });
    for (const argv of [["apply", "--dry-run"], ["diff"]]) {
      const { code, err } = await run(...argv, "-f", dir);
      assert.equal(code, 6, err);
      assert.match(err, words);
    }
  }
  const changed = { ...had, configs: (had.configs ?? []).map((config) => ({ ...config, kind: "onetime" })) };
  const { run, dir } = await setUp(t, { "configs/app.yaml": APP }, changed);
  assert.match((await run("diff", "-f", dir)).err, /app is of kind onetime and stays so/);
  const refusals = { "GET config-kinds": [400, { code: "invalid_argument", detail: "no" }] } as const;
  const refused = await setUp(t, { "configs/app.yaml": APP }, { refusals });
  assert.equal((await refused.run("apply", "-f", refused.dir, "--dry-run")).code, 6);
});

test("apply does one thing after the other, says why, and gives the text that it has written", async (t) => {
  const fresh = await setUp(t, { "groups.yaml": WEB, "configs/app.yaml": APP });
  assert.equal((await fresh.run("apply", "-f", fresh.dir, "-m", "ticket 7")).code, 0);
  assert.deepEqual(fresh.told, [
    'POST groups {"name":"web","description":"","selector":"role=web","tags":[],"agentIds":[],"position":3}',
    'POST configs {"name":"app","kind":"file","description":"","text":"new\\n","message":"ticket 7"}',
    'PUT configs/new/assignments/default {"revision":1}',
    'PUT configs/new/assignments/new {"revision":1}',
  ]);
  const known = await setUp(t, { "configs/app.yaml": APP.replace("web]", "{group: web, revision: 5}]") }, had);
  assert.equal((await known.run("apply", "-f", known.dir)).code, 0);
  assert.deepEqual(known.told, [
    'PATCH configs/c {"text":"new\\n","baseRevision":7,"message":"muster config apply"}',
    'PUT configs/c/assignments/default {"revision":8}',
    'PUT configs/c/assignments/g {"revision":5}',
  ]);
});

test("in waves every config is one rollout to all its groups, and what is on its way is left alone", async (t) => {
  const files = { "configs/app.yaml": APP };
  const { run, dir, told } = await setUp(t, files, had);
  const waves = ["--waves", "1,10%,100%", "--healthy", "30s", "--failure-budget", "5%"];
  assert.equal((await run("apply", "-f", dir, ...waves)).code, 0);
  const spec = { waves: [1, "10%", "100%"], healthyMs: 30_000, failureBudget: "5%" };
  assert.equal(
    told.at(-1),
    `POST rollouts ${JSON.stringify({ configId: "c", revision: 8, groups: ["default", "web"], ...spec })}`,
  );
  assert.equal(told.length, 2);
  assert.equal((await run("apply", "-f", dir, "--waves", "1,10%")).code, 2, "the last wave is not everybody");

  const [app] = had.configs ?? [];
  const underWay = {
    ...had,
    texts: { c: "new\n" },
    configs: [makeConfig({ ...app, rolloutId: "r", groups: [{ id: "g", name: "web", revision: 6 }] })],
    rollout: { revision: 7, groups: [EVERYONE, { id: "g", name: "web" }] },
  };
  const waiting = await setUp(t, files, underWay);
  assert.equal((await waiting.run("apply", "-f", waiting.dir, "--dry-run")).code, 0);
  const other = await setUp(t, files, { ...underWay, rollout: { ...underWay.rollout, revision: 6 } });
  assert.equal((await other.run("apply", "-f", other.dir, "--dry-run")).out.match(/give app/g)?.length, 2);
});

test("the difference of a text is shown as programs for patches read it", async (t) => {
  const { run, dir } = await setUp(t, { "configs/app.yaml": APP, "configs/b.yaml": "kind: file\ntext: b" }, had);
  const { code, out } = await run("diff", "-f", dir);
  assert.equal(code, 2);
  assert.equal(
    out,
    [
      "change config app: text",
      "--- app (revision 7)",
      "+++ configs/app.yaml",
      "@@ -1 +1 @@",
      "-old",
      "+new",
      "give app to group default",
      "give app to group web",
      "create config b",
      "--- /dev/null",
      "+++ configs/b.yaml",
      "@@ -0,0 +1 @@",
      "+b",
      "\\ No newline at end of file",
      "",
    ].join("\n"),
  );
  assert.match(JSON.parse((await run("diff", "-f", dir, "--json")).out).changes[0].diff, /^--- app/);
});

test("nothing is removed but with --prune, and then only by who says so", async (t) => {
  const files = { "groups.yaml": "groups: []\n", "configs/b.yaml": "kind: file\ntext: b\ngroups: []\n" };
  const { run, dir, told } = await setUp(t, files, had);
  assert.equal((await run("apply", "-f", dir, "--dry-run")).out, "create config b\n");
  const pruned = "create config b\nremove config app\nremove group web\n";
  assert.equal((await run("apply", "-f", dir, "--dry-run", "--prune")).out, pruned);
  assert.equal((await run("apply", "-f", dir, "--prune")).code, 2, "nobody to ask");
  assert.deepEqual(told, []);
  assert.equal((await run("apply", "-f", dir, "--prune", "--yes")).out, pruned);
  assert.deepEqual(told.slice(1), ["DELETE configs/c", "DELETE groups/g"]);
});

test("what the server refuses is told with the file that declares it", async (t) => {
  const refusals = {
    "POST configs": [400, { code: "invalid_argument", detail: "expected a value", details: { line: 3 } }],
  } as const;
  const { run, dir } = await setUp(t, { "configs/app.yaml": APP.replace(", web", "") }, { refusals });
  const { code, err } = await run("apply", "-f", dir);
  assert.equal(code, 2);
  assert.match(err, /configs\/app\.yaml, line 3 of the text: expected a value/);
});

test("an export names its files, with texts inside or beside", async (t) => {
  const { run, dir } = await setUp(t, {}, had);
  const out = join(dir, "out");
  assert.equal((await run("export", out)).out, "configs/app.yaml\ngroups.yaml\n");
  assert.equal(
    await readFile(join(out, "configs/app.yaml"), "utf8"),
    "kind: file\nformat: text\ngroups:\n  - default\n  - web\ntext: |\n  old\n",
  );
  const beside = await run("export", out, "--texts-beside", "--json");
  assert.deepEqual(JSON.parse(beside.out).files, ["configs/app.yaml", "configs/texts/app.txt", "groups.yaml"]);
  assert.equal(await readFile(join(out, "configs/texts/app.txt"), "utf8"), "old\n");
  assert.equal((await run("apply", "-f", out, "--prune", "--dry-run")).code, 0);
});
