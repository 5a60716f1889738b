import assert from "node:assert/strict";
import { test } from "node:test";
import { describeType, readOpenApi } from "./openapi.ts";

const document = {
  paths: {
    "/fleet/v1/agents/{id}": {
      get: {
        summary: "One agent",
        parameters: [{ name: "id", in: "path", required: true, schema: { type: "string" } }],
        responses: {
          200: {
            description: "ok",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Agent" } } },
          },
        },
      },
    },
    "/fleet/v1/commands": {
      post: {
        tags: ["work"],
        requestBody: {
          content: {
            "application/json": {
              schema: { type: "object", required: ["text"], properties: { text: { type: "string" } } },
            },
          },
        },
      },
    },
  },
  components: {
    schemas: {
      Agent: {
        type: "object",
        required: ["id"],
        properties: { id: { type: "string" }, status: { enum: ["online", "offline"] } },
      },
    },
  },
};

test("operations are found by tag or by the noun in their path", () => {
  assert.deepEqual(
    readOpenApi(document).map((section) => [section.name, section.operations.map((operation) => operation.id)]),
    [
      ["agents", ["get /fleet/v1/agents/{id}"]],
      ["work", ["post /fleet/v1/commands"]],
    ],
  );
});

test("answers and bodies name their fields, also behind a reference", () => {
  const [agents, work] = readOpenApi(document);
  assert.deepEqual(
    agents?.operations[0]?.answers[0]?.fields.map((field) => [field.name, field.type, field.required]),
    [
      ["id", "string", true],
      ["status", '"online" | "offline"', false],
    ],
  );
  assert.equal(work?.operations[0]?.body[0]?.required, true);
});

test("types are said in a few words", () => {
  assert.equal(describeType({}, { type: ["string", "null"] }), "string | null");
  assert.equal(describeType({}, { anyOf: [{ type: "integer" }, { type: "null" }] }), "integer | null");
  assert.equal(describeType(document, { type: "array", items: { $ref: "#/components/schemas/Agent" } }), "Agent[]");
  assert.equal(describeType({}, { type: "string", format: "date-time" }), "date-time");
});

test("a document that is nothing shows nothing", () => {
  assert.deepEqual(readOpenApi({}), []);
  assert.deepEqual(readOpenApi({ paths: { "/x": null } }), []);
});
