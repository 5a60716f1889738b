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
 * Options of esbuild. systeminformation stays outside: Linux never loads it, and it is 300 KB; where npm has put it
 * beside the bundle it is found, and without it the agent reports what Node itself knows.
 */
export const agentBundle = {
  external: ["bufferutil", "utf-8-validate", "systeminformation"],
  plugins: [tlsWhenWanted],
};
