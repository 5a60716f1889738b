import type { FieldValue, Point } from "@muster/core";

const INT64_MAX = 2n ** 63n - 1n;
const INT64_MIN = -(2n ** 63n);
const UINT64_MAX = 2n ** 64n - 1n;

/**
 * Points as line protocol, times in ns: send it with `precision=n`. What the format cannot say is left out: empty tags,
 * numbers that are not finite, integers beyond 64 bits, and points that have no field left. A line break in a name or a tag
 * becomes a space; strings in fields keep theirs.
 */
export function encodeLines(points: readonly Point[]): string {
  let lines = "";
  for (const point of points) {
    const fields = encodeFields(point.fields);
    if (fields === "") continue;
    lines += `${encodeSeries(point)} ${fields} ${point.timeNs}\n`;
  }
  return lines;
}

function encodeSeries({ measurement, tags }: Point): string {
  // a line that begins with # is a comment
  let series = escapeName(measurement.replace(/^[#\s]+/, ""), /[, ]/g) || "__default";
  for (const key in tags) {
    const value = escapeName(tags[key] ?? "", /[,= ]/g);
    if (key !== "" && value !== "") series += `,${escapeName(key, /[,= ]/g)}=${value}`;
  }
  return series;
}

function encodeFields(fields: Point["fields"]): string {
  let text = "";
  for (const key in fields) {
    const value = encodeValue(fields[key] as FieldValue);
    if (key === "" || value === undefined) continue;
    text += `${text === "" ? "" : ","}${escapeName(key, /[,= ]/g)}=${value}`;
  }
  return text;
}

/** A backslash at the end would escape what follows it. */
function escapeName(name: string, special: RegExp): string {
  if (!/[,= \\\r\n]/.test(name)) return name;
  return name
    .replace(/[\r\n]+/g, " ")
    .replace(/\\+$/, "")
    .replace(special, "\\$&");
}

function encodeValue(value: FieldValue): string | undefined {
  switch (typeof value) {
    case "number":
      return Number.isFinite(value) ? String(value) : undefined;
    case "bigint":
      if (value >= INT64_MIN && value <= INT64_MAX) return `${value}i`;
      return value > 0n && value <= UINT64_MAX ? `${value}u` : undefined;
    case "boolean":
      return value ? "true" : "false";
    case "string":
      return quote(value);
  }
  if (value instanceof Uint8Array) return `"${Buffer.from(value).toString("base64")}"b`;
  const items = value.map(encodeValue);
  return items.includes(undefined) ? undefined : `[${items.join(",")}]`;
}

function quote(text: string): string {
  return `"${/["\\]/.test(text) ? text.replace(/["\\]/g, "\\$&") : text}"`;
}
