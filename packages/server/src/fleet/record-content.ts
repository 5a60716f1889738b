import type { FieldValue, Point } from "@muster/core";

/** Tags and fields as they are stored: JSON, with integers beyond JSON's and bytes marked. */
export function packContent({ tags, fields }: Pick<Point, "tags" | "fields">): string {
  return JSON.stringify([tags, packFields(fields)]);
}

/** Fields for people and programs: integers that JSON cannot hold are texts, bytes are base64. */
export function readContent(content: string): {
  tags: Record<string, string>;
  fields: Record<string, JsonField>;
} {
  const [tags, fields] = JSON.parse(content) as [Record<string, string>, Record<string, JsonField>];
  return { tags, fields };
}

export type JsonField = number | string | boolean | JsonField[];

function packFields(fields: Point["fields"]): Record<string, JsonField> {
  const packed: Record<string, JsonField> = {};
  for (const key in fields) packed[key] = packValue(fields[key] as FieldValue);
  return packed;
}

function packValue(value: FieldValue): JsonField {
  switch (typeof value) {
    case "bigint": {
      const number = Number(value);
      return Number.isSafeInteger(number) ? number : String(value);
    }
    case "number":
      return Number.isFinite(value) ? value : String(value);
    case "string":
    case "boolean":
      return value;
  }
  return value instanceof Uint8Array ? Buffer.from(value).toString("base64") : value.map(packValue);
}

/** The text of a point that people read and search, and where it came from. */
export function describeRecord(point: Point): { message: string; status: string | null; name: string } {
  const read = (...keys: string[]) => {
    for (const key of keys) {
      const value = point.tags[key] ?? point.fields[key];
      if (typeof value === "string" && value !== "") return value;
    }
    return undefined;
  };
  const title = read("title", "df_title", "__title");
  const message = read("message", "df_message", "content", "__content", "__docker_content");
  return {
    message: title !== undefined && message !== undefined ? `${title}\n${message}` : (message ?? title ?? ""),
    status: read("status", "df_status", "__status")?.slice(0, 64).toLowerCase() ?? null,
    name: read("name", "__name")?.slice(0, 1024) ?? "default",
  };
}
