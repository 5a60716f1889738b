import { readFileSync } from "node:fs";
import { join } from "node:path";
import { create, createFileRegistry, type DescMessage } from "@bufbuild/protobuf";
import {
  type DescriptorProto,
  DescriptorProtoSchema,
  type EnumDescriptorProto,
  EnumDescriptorProtoSchema,
  EnumValueDescriptorProtoSchema,
  FieldDescriptorProtoSchema,
  FileDescriptorProtoSchema,
  FieldDescriptorProto_Label as Label,
  FieldDescriptorProto_Type as Type,
} from "@bufbuild/protobuf/wkt";
import type { Generation } from "./actions.ts";

const SCALARS: Readonly<Record<string, Type>> = {
  string: Type.STRING,
  bytes: Type.BYTES,
  int64: Type.INT64,
  int32: Type.INT32,
  uint64: Type.UINT64,
  float: Type.FLOAT,
};

const FIELD = /^\s*(repeated )?(?:map<string, (\w+)>|(\w+)) (\w+) = (\d+);$/;

/** The messages of proto/*.proto for the library that is the second opinion: as much of the language as those files use. */
export function loadProto(generation: Generation): (name: string) => DescMessage {
  const text = readFileSync(join(import.meta.dirname, "proto", `${generation}.proto`), "utf8");
  const file = parseProto(`${generation}.proto`, text);
  const registry = createFileRegistry(file, () => undefined);
  return (name) => {
    const found = registry.getMessage(`${file.package}.${name}`);
    if (!found) throw new Error(`${name} is not in ${generation}.proto`);
    return found;
  };
}

function parseProto(name: string, text: string) {
  const file = create(FileDescriptorProtoSchema, { name, syntax: "proto3" });
  const enums = new Map<string, string>();
  for (const [, outer, enumName = ""] of text.matchAll(/^(?:message (\w+) \{\n {2})?enum (\w+)/gm)) {
    enums.set(enumName, outer ? `${outer}.${enumName}` : enumName);
  }
  let message: DescriptorProto | undefined;
  let enumeration: EnumDescriptorProto | undefined;
  for (const line of text.split("\n").filter((each) => each.trim() !== "" && !each.startsWith("//"))) {
    const [, word, opened = ""] = /^\s*(message|enum|package) ([\w.]+)/.exec(line) ?? [];
    const [, value, number] = /^\s*([A-Z_]+) = (\d+);$/.exec(line) ?? [];
    const field = FIELD.exec(line);
    if (word === "package") file.package = opened;
    else if (word === "message") {
      message = create(DescriptorProtoSchema, { name: opened });
      file.messageType.push(message);
    } else if (word === "enum") {
      enumeration = create(EnumDescriptorProtoSchema, { name: opened });
      (message ?? file).enumType.push(enumeration);
    } else if (value !== undefined && enumeration) {
      enumeration.value.push(create(EnumValueDescriptorProtoSchema, { name: value, number: Number(number) }));
    } else if (line.trim() === "}") {
      if (enumeration) enumeration = undefined;
      else message = undefined;
    } else if (field && message) addField(message, field, { prefix: `.${file.package}.`, enums });
    else if (!line.startsWith("syntax")) throw new Error(`not understood: ${line}`);
  }
  return file;
}

interface Names {
  /** Of the package, with a dot before and after it. */
  readonly prefix: string;
  /** Enums by their short names. */
  readonly enums: ReadonlyMap<string, string>;
}

function addField(
  message: DescriptorProto,
  [, repeated, mapValue, single, name = "", number]: RegExpExecArray,
  names: Names,
) {
  const label = repeated || mapValue ? Label.REPEATED : Label.OPTIONAL;
  const place = { name, number: Number(number), label };
  if (mapValue === undefined) {
    message.field.push(create(FieldDescriptorProtoSchema, { ...place, ...typeOf(single ?? "", names) }));
    return;
  }
  const entry = `${name.replace(/(?:^|_)(\w)/g, (_, letter: string) => letter.toUpperCase())}Entry`;
  const key = { name: "key", number: 1, label: Label.OPTIONAL, type: Type.STRING };
  const value = { name: "value", number: 2, label: Label.OPTIONAL, ...typeOf(mapValue, names) };
  const field = [create(FieldDescriptorProtoSchema, key), create(FieldDescriptorProtoSchema, value)];
  message.nestedType.push(create(DescriptorProtoSchema, { name: entry, field, options: { mapEntry: true } }));
  const typeName = `${names.prefix}${message.name}.${entry}`;
  message.field.push(create(FieldDescriptorProtoSchema, { ...place, type: Type.MESSAGE, typeName }));
}

function typeOf(word: string, { prefix, enums }: Names): { type: Type; typeName?: string } {
  const scalar = SCALARS[word];
  if (scalar !== undefined) return { type: scalar };
  const enumName = enums.get(word);
  if (enumName !== undefined) return { type: Type.ENUM, typeName: `${prefix}${enumName}` };
  return { type: Type.MESSAGE, typeName: `${prefix}${word}` };
}
