/** Reads what the API reference shows out of an OpenAPI 3.1 document. Tolerant: it only ever shows less. */

export interface ApiField {
  readonly name: string;
  readonly type: string;
  readonly required: boolean;
  readonly description: string;
}

export interface ApiOperation {
  readonly id: string;
  readonly method: string;
  readonly path: string;
  readonly summary: string;
  readonly description: string;
  readonly parameters: readonly (ApiField & { readonly place: string })[];
  readonly body: readonly ApiField[];
  readonly answers: readonly {
    readonly status: string;
    readonly description: string;
    readonly fields: readonly ApiField[];
  }[];
}

export interface ApiSectionOfReference {
  readonly name: string;
  readonly operations: readonly ApiOperation[];
}

type Json = Record<string, unknown>;
const METHODS = ["get", "post", "put", "patch", "delete"] as const;

/** Operations by their first tag, or else by the noun in their path. */
export function readOpenApi(document: Json): ApiSectionOfReference[] {
  const sections = new Map<string, ApiOperation[]>();
  for (const [path, item] of Object.entries(asObject(document.paths))) {
    for (const method of METHODS) {
      const operation = asObject(asObject(item)[method]);
      if (Object.keys(operation).length === 0) continue;
      const tag = asList(operation.tags)[0];
      const name = typeof tag === "string" ? tag : (path.replace("/fleet/v1/", "").split("/")[0] ?? path);
      sections.set(name, [...(sections.get(name) ?? []), readOperation(document, { path, method, operation })]);
    }
  }
  return [...sections].map(([name, operations]) => ({ name, operations }));
}

function readOperation(document: Json, found: { path: string; method: string; operation: Json }): ApiOperation {
  const { path, method, operation } = found;
  const parameters = asList(operation.parameters).map((entry) => {
    const parameter = resolve(document, asObject(entry));
    return {
      name: text(parameter.name),
      place: text(parameter.in),
      type: describeType(document, parameter.schema),
      required: parameter.required === true,
      description: text(parameter.description),
    };
  });
  const answers = Object.entries(asObject(operation.responses)).map(([status, entry]) => {
    const answer = resolve(document, asObject(entry));
    return { status, description: text(answer.description), fields: readFields(document, schemaOf(answer)) };
  });
  return {
    id: `${method} ${path}`,
    method: method.toUpperCase(),
    path,
    summary: text(operation.summary),
    description: text(operation.description),
    parameters,
    body: readFields(document, schemaOf(resolve(document, asObject(operation.requestBody)))),
    answers,
  };
}

/** The first content type's schema. */
function schemaOf(holder: Json): unknown {
  return asObject(Object.values(asObject(holder.content))[0]).schema;
}

function readFields(document: Json, schema: unknown): ApiField[] {
  const resolved = resolve(document, asObject(schema));
  const required = asList(resolved.required);
  return Object.entries(asObject(resolved.properties)).map(([name, property]) => ({
    name,
    type: describeType(document, property),
    required: required.includes(name),
    description: text(resolve(document, asObject(property)).description),
  }));
}

/** A type in a few words: "string", "integer | null", "Agent[]", "online | stale | offline". */
export function describeType(document: Json, schema: unknown, depth = 0): string {
  const object = asObject(schema);
  if (typeof object.$ref === "string" && depth > 0) return object.$ref.split("/").at(-1) ?? "object";
  const resolved = resolve(document, object);
  if (depth > 4) return "…";
  const options = asList(resolved.enum);
  if (options.length > 0) return options.map((option) => JSON.stringify(option)).join(" | ");
  if ("const" in resolved) return JSON.stringify(resolved.const);
  const union = [...asList(resolved.anyOf), ...asList(resolved.oneOf)];
  if (union.length > 0) return union.map((member) => describeType(document, member, depth + 1)).join(" | ");
  const type = Array.isArray(resolved.type) ? resolved.type.join(" | ") : text(resolved.type);
  if (type === "array") return `${describeType(document, resolved.items, depth + 1)}[]`;
  const format = text(resolved.format);
  return format && type === "string" ? format : type || "any";
}

function resolve(document: Json, object: Json): Json {
  if (typeof object.$ref !== "string" || !object.$ref.startsWith("#/")) return object;
  let current: unknown = document;
  for (const part of object.$ref.slice(2).split("/")) {
    current = asObject(current)[part.replaceAll("~1", "/").replaceAll("~0", "~")];
  }
  return asObject(current);
}

function asObject(value: unknown): Json {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Json) : {};
}

function asList(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}
