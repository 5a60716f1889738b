import { readdirSync, readFileSync } from "node:fs";
import { basename, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

export const repository = fileURLToPath(new URL("../..", import.meta.url));

export interface Import {
  /** As written: a package's name or a relative path. */
  readonly specifier: string;
  readonly line: number;
}

/** One file of a package, as text. */
export interface SourceFile {
  /** From the repository's root, with slashes: `packages/server/src/main.ts`. */
  readonly path: string;
  readonly package: string;
  /** From the package's `src`: `fleet/session.ts`. */
  readonly inside: string;
  readonly lines: readonly string[];
  /** A test, or what tests of a folder share (`test-…`, `fake-…`, `…-for-test`). */
  readonly isTest: boolean;
}

const SOURCE = /\.(ts|tsx|mjs|css)$/;

/** Every source file of every package, tests included, in the order of their paths. */
export function readSources(): SourceFile[] {
  const files: SourceFile[] = [];
  for (const name of readdirSync(join(repository, "packages"))) {
    for (const path of listFiles(join(repository, "packages", name, "src"))) {
      const fromRoot = relative(repository, path).replaceAll("\\", "/");
      files.push({
        path: fromRoot,
        package: name,
        inside: fromRoot.slice(`packages/${name}/src/`.length),
        lines: readFileSync(path, "utf8").split("\n"),
        isTest: /\.test\.tsx?$|-for-tests?\.ts$/.test(path) || /^(test|fake)-/.test(basename(path)),
      });
    }
  }
  return files.sort((a, b) => a.path.localeCompare(b.path));
}

/** What a file imports, static and dynamic, types included: a type binds rooms together as a value does. */
export function listImports(file: SourceFile): Import[] {
  const imports: Import[] = [];
  for (const [index, line] of file.lines.entries()) {
    if (isComment(line)) continue;
    const pattern = /(?:\bfrom\s*|\bimport\s*\(?\s*)["']([^"']+)["']/g;
    for (const match of line.matchAll(pattern)) imports.push({ specifier: match[1] ?? "", line: index + 1 });
  }
  return imports;
}

/** The lines of code that match, each as `path:line  text`. */
export function findLines(files: readonly SourceFile[], pattern: RegExp): string[] {
  return files.flatMap((file) =>
    file.lines.flatMap((line, index) =>
      !isComment(line) && pattern.test(line) ? [`${file.path}:${index + 1}  ${line.trim()}`] : [],
    ),
  );
}

function isComment(line: string): boolean {
  return /^\s*(\/\/|\*|\/\*)/.test(line);
}

function listFiles(folder: string): string[] {
  let entries: ReturnType<typeof readEntries>;
  try {
    entries = readEntries(folder);
  } catch {
    return []; // a package without sources yet
  }
  return entries
    .filter((entry) => entry.isFile() && SOURCE.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name));
}

function readEntries(folder: string) {
  return readdirSync(folder, { recursive: true, withFileTypes: true });
}
