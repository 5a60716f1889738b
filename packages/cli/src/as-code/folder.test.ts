import assert from "node:assert/strict";
import { mkdir, readdir, readFile, rmdir, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { hasCode } from "@muster/core";
import type { Config, Group } from "@muster/core/resources";
import { makeTempDir, type Scope } from "@muster/testing";
import { makeConfig, makeGroup } from "../test-fixtures.ts";
import { planSteps } from "./plan.ts";
import { readFolder } from "./read-folder.ts";
import type { ServerState } from "./server-state.ts";
import { describeServer, fileNameOf, writeFolder } from "./write-folder.ts";

const AT = "2026-01-01T00:00:00.000Z";
const KINDS = [{ id: "file", title: "File", formats: ["text" as const], capability: "configs", fileNames: true }];

const GROUPS: readonly Group[] = [
  makeGroup({ id: "default", name: "default" }),
  makeGroup({
    id: "web",
    name: 'web: "quoted" # no comment',
    description: "two\nlines",
    selector: "role in (a,b) || !old",
    tags: [
      { name: "env", value: "yes" },
      { name: "", value: "007" },
    ],
    agentIds: ["01900000-0000-7000-8000-000000000002", "01900000-0000-7000-8000-000000000001"],
    position: 4,
  }),
];

/** Texts that YAML would like to change. */
const TEXTS = [
  "",
  "\n",
  "plain",
  "a\nb\n",
  "a\n\n\n",
  "a\r\nb\r\n",
  "  indented first\nthen not\n",
  "\tab\n trailing \n",
  "trailing spaces   ",
  " \n \n",
  "# a comment\nkey: value # more\n---\n...\n",
  "\ufeffbegins with a mark",
  "%directive\n- &anchor *alias !tag {a: [b]} 'c' \"d\" |\n",
  "bell \u0007, next line \u0085, separator \u2028, 数据 🚀\n",
  "007",
  "null",
  `long ${"word ".repeat(100)}\n`,
];

const NAMES = ["app", "App 2", "数据库", "con:trol*?", "100%", ".hidden.", "a<b>|c", "x.yaml", "APP"];

function makeState(): { state: ServerState; textOf: (config: Config) => string } {
  const configs = TEXTS.map((_, index) =>
    makeConfig({
      id: `id ${index}`,
      name: NAMES[index] ?? `config ${index}`,
      description: index % 2 === 0 ? "" : `it's: ${index}`,
      agentType: index % 3 === 0 ? "ilogtail" : "",
      expiresAt: index % 5 === 0 ? AT : null,
      groups: GROUPS.slice(index % 3).map(({ id, name }) => ({ id, name, revision: 3 - (index % 2) })),
    }),
  );
  const texts = new Map(configs.map(({ id }, index) => [id, TEXTS[index] ?? ""]));
  return { state: { groups: GROUPS, configs }, textOf: ({ id }) => texts.get(id) ?? "" };
}

async function makeFolder(scope: Scope, files: Readonly<Record<string, string | Uint8Array>>): Promise<string> {
  const dir = await makeTempDir(scope);
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(dir, path)), { recursive: true });
    await writeFile(join(dir, path), text);
  }
  return dir;
}

for (const beside of [false, true]) {
  test(`what was exported declares exactly what the server has (texts ${beside ? "beside" : "inside"})`, async (t) => {
    const dir = join(await makeTempDir(t), "new/folder");
    const { state, textOf } = makeState();
    const files = describeServer(state, textOf, { beside });
    assert.deepEqual(await writeFolder(dir, files, { prune: false }), []);
    const folder = await readFolder(dir);
    assert.deepEqual(
      folder.configs?.map(({ name, text }) => [name, text]).sort(),
      state.configs.map((config) => [config.name, textOf(config)]).sort(),
    );
    const source = {
      ...state,
      kinds: KINDS,
      textOf: async (config: Config) => textOf(config),
      agentId: async (word: string) => word,
      beingGiven: async () => [],
    };
    assert.deepEqual(await planSteps(folder, source, { prune: true }), []);
    const nothing = await planSteps(folder, { ...source, groups: [], configs: [] }, { prune: true });
    assert.equal(nothing.filter(({ what }) => what === "create_config").length, TEXTS.length);
    const shuffled = { groups: state.groups, configs: state.configs.toReversed() };
    assert.deepEqual(describeServer(shuffled, textOf, { beside }), files, "the same state, the same files");
  });
}

test("files of configs that are not on the server are told of, and deleted only on request", async (t) => {
  const files = { "configs/old.yaml": "kind: file\ntext: x\n", "configs/texts/old.txt": "x", "configs/README": "x" };
  const dir = await makeFolder(t, files);
  const exported = describeServer({ groups: GROUPS, configs: [makeConfig()] }, () => "x", { beside: false });
  assert.deepEqual(await writeFolder(dir, exported, { prune: false }), ["configs/old.yaml"]);
  assert.equal(await readFile(join(dir, "configs/old.yaml"), "utf8"), files["configs/old.yaml"]);
  assert.deepEqual(await writeFolder(dir, exported, { prune: true }), ["configs/old.yaml"]);
  assert.deepEqual((await readdir(join(dir, "configs"))).sort(), ["README", "app.yaml", "texts"]);
});

test("a name never leads out of its folder", () => {
  for (const name of ["../x", "a/b", "a\\b", "..", ".", "c:", "a\0b", "\u202ex/..", "con\n"]) {
    const file = fileNameOf(name);
    assert.doesNotMatch(file, /[/\\:\0\n]|^\.+$/, name);
    assert.equal(decodeURIComponent(file), name);
  }
  assert.equal(fileNameOf("a*b"), "a%2Ab");
  assert.equal(fileNameOf("nginx access.log 数"), "nginx access.log 数");
});

test("every mistake is told with the file it is in, and is no code 2", async (t) => {
  const config = (text: string) => ({ "configs/app.yaml": text });
  for (const [files, words] of [
    [{}, /neither groups\.yaml nor configs\//],
    [{ "groups.yaml": "groups:\n  - name: [\n" }, /^groups\.yaml:3:1: /],
    [{ "groups.yaml": "groups:\n  - name: a\n  - name: a\n" }, /groups\.yaml: a is declared twice/],
    [{ "groups.yaml": "groups:\n  - {name: a, colour: red}\n" }, /groups\[0\]: colour: is not known; there are name,/],
    [{ "groups.yaml": "groups:\n  - {name: a, position: -1}\n" }, /position: expected a whole number/],
    [{ "groups.yaml": "groups: {a: b}\n" }, /groups: expected a list/],
    [config("kind: file\n"), /configs\/app\.yaml: expected either text, or file/],
    [config("kind: file\ntext: a\nfile: b\n"), /either text, or file/],
    [config("text: a\n"), /kind: is missing/],
    [config("kind: file\ntext: 5\n"), /text: expected a text: quote 5/],
    [config("kind: file\nformat: xml\ntext: a\n"), /format: expected yaml, toml, json, text/],
    [config("kind: file\ntext: a\ngroups: [a, {group: a, revision: 2}]\n"), /groups: a is there twice/],
    [config("kind: file\ntext: a\nexpiresAt: soon\n"), /expiresAt: expected an instant/],
    [config("kind: file\nfile: missing.txt\n"), /configs\/missing\.txt: there is no such file/],
    [config("kind: file\nfile: ../../outside\n"), /outside/],
    [config("kind: file\nfile: link\n"), /configs\/link: it is outside of the folder/],
    [{ ...config("kind: file\nfile: bytes\n"), "configs/bytes": Uint8Array.of(0xff, 0xfe) }, /no text in UTF-8/],
    [{ ...config("kind: file\ntext: a\n"), "configs/b.yml": "kind: file\nname: app\ntext: b\n" }, /declared twice/],
    [config("a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b, *b]\n".replace("x, x", "x,".repeat(200))), /app\.yaml: /],
    [config("- kind\n"), /expected fields with values/],
  ] as const) {
    const dir = await makeFolder(t, files as Record<string, string>);
    await mkdir(join(dir, "configs"), { recursive: true }).catch(() => undefined);
    if (Object.keys(files).length === 0) await rmdir(join(dir, "configs"));
    else await symlink("/etc/hostname", join(dir, "configs/link"));
    await assert.rejects(readFolder(dir), (error: unknown) => {
      assert.ok(hasCode(error, "failed_precondition"), String(error));
      assert.match(error.message, words);
      return true;
    });
  }
  await assert.rejects(readFolder("/nonexistent/folder"), /there is no such folder/);
});

test("groups alone, configs alone, and texts beside are understood", async (t) => {
  const groups = await readFolder(await makeFolder(t, { "groups.yaml": "groups:\n  - name: web\n" }));
  assert.deepEqual([groups.groups?.[0]?.name, groups.configs], ["web", undefined]);
  const dir = await makeFolder(t, {
    "configs/app.yaml": "kind: file\nfile: texts/app.yaml\ngroups: [web]\n",
    "configs/texts/app.yaml": "a: 1\r\n",
    "configs/.app.yaml": "an editor's copy",
  });
  const { configs, groups: none } = await readFolder(dir);
  assert.equal(none, undefined);
  assert.deepEqual(
    configs?.map(({ name, text, groups: given, format }) => ({ name, text, given, format })),
    [{ name: "app", text: "a: 1\r\n", given: [{ group: "web", revision: undefined }], format: undefined }],
  );
});
