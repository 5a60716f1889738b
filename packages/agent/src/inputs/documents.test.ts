import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import type { CollectorKind, MeasurementDoc } from "./collector.ts";
import { COLLECTOR_KINDS } from "./kinds/index.ts";
import { Planner } from "./plan.ts";

const PAGE = fileURLToPath(new URL("../../../../docs/inputs.md", import.meta.url));
const TABLE = fileURLToPath(new URL("./available.ts", import.meta.url));

/** `UPDATE_DOCS=1 node --test …` writes what is made here instead of comparing it. */
function holdEqual(path: string, expected: string): void {
  if (process.env.UPDATE_DOCS === "1") writeFileSync(path, expected);
  const found = readFileSync(path, "utf8");
  assert.ok(found === expected, `${path} is not what the table of kinds says: run this test with UPDATE_DOCS=1`);
}

const byName = (one: { name: string }, other: { name: string }) => (one.name < other.name ? -1 : 1);
const kinds = [...COLLECTOR_KINDS].sort(byName);

test("docs/inputs.md tells every collector's sample, options and measurements", () => {
  holdEqual(PAGE, writePage());
});

test("what is said to be available without loading the collectors is what they are", () => {
  holdEqual(TABLE, writeTable());
});

test("every sample is a configuration that is accepted as it is", () => {
  const planner = new Planner(COLLECTOR_KINDS, { id: "a", hostname: "h", address: () => "10.0.0.1" });
  for (const kind of kinds) {
    const plan = planner.planGiven({ input: kind.name, inputType: "datakit", toml: kind.sample });
    assert.deepEqual(
      plan.blocks.map((block) => block.kind.name),
      [kind.name],
    );
  }
});

function writeTable(): string {
  const rows = kinds.map(({ name, catalog, summary }) => {
    const fields = [`input: ${JSON.stringify(name)}`, `catalog: ${JSON.stringify(catalog)}`, 'inputType: "datakit"'];
    const line = `  { ${[...fields, `summary: ${JSON.stringify(summary)}`].join(", ")} },`;
    if (line.length <= 120) return line;
    return ["  {", ...fields.map((field) => `    ${field},`), ...fold("summary", summary), "  },"].join("\n");
  });
  return `import type { AvailableInput } from "@muster/core/resources";

/** What this agent can collect: the table of kinds without loading it. documents.test.ts writes it and holds both equal. */
export const AVAILABLE_INPUTS: readonly AvailableInput[] = [
${rows.join("\n")}
];
`;
}

function fold(name: string, text: string): string[] {
  const line = `    ${name}: ${JSON.stringify(text)},`;
  return line.length <= 120 ? [line] : [`    ${name}:`, `      ${JSON.stringify(text)},`];
}

function writePage(): string {
  const catalogs = [...new Set(kinds.map((kind) => kind.catalog))].sort();
  const index = catalogs.map((catalog) => {
    const names = kinds.filter((kind) => kind.catalog === catalog).map((kind) => `[${kind.name}](#${kind.name})`);
    return `| ${catalog} | ${names.join(", ")} |`;
  });
  return `# Inputs

What an agent can collect. This page is made from the collectors themselves by \`documents.test.ts\` in
\`packages/agent/src/inputs\`, which fails when it is not what they say. How inputs are configured, enabled and managed:
[The agent](agent.md#inputs).

| catalog | inputs |
|---|---|
${index.join("\n")}

Every input takes besides its own options: \`interval\`, where the sample shows one, as a duration such as \`"10s"\` or
\`"1m30s"\`; and \`[inputs.NAME.tags]\`, tags that every point of the block gets. Every point has the tag \`host\` and the
agent's labels, unless it or the configuration says otherwise.

${kinds.map(writeKind).join("\n")}`;
}

function writeKind(kind: CollectorKind): string {
  const aliases = kind.aliases ?? [];
  const facts = [
    `Catalog: ${kind.catalog}`,
    ...(aliases.length > 0 ? [`also called ${aliases.map((alias) => `\`${alias}\``).join(", ")}`] : []),
    ...(kind.singleton === true ? ["once on a host"] : []),
    ...(kind.runsPrograms === true ? ["needs `exec` in the host's policy when it is set from afar"] : []),
  ];
  return `## ${kind.name}

${kind.summary}

${facts.join("; ")}.

\`\`\`toml
${kind.sample.trim()}
\`\`\`

${kind.measurements.map(writeMeasurement).join("\n")}`;
}

function writeMeasurement({ name, category, about, tags, fields }: MeasurementDoc): string {
  const rows = [
    ...Object.entries(tags).map(([tag, meaning]) => `| \`${tag}\` | tag | ${cell(meaning)} |`),
    ...Object.entries(fields).map(([field, meaning]) => `| \`${field}\` | field | ${cell(meaning)} |`),
  ];
  const table = rows.length === 0 ? "" : `\n| name | is | means |\n|---|---|---|\n${rows.join("\n")}\n`;
  return `**\`${name}\`** (${category}): ${about}\n${table}`;
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|");
}
