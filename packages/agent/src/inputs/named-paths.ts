/** Everything in the options of an input that could be a path, whatever the option is called: texts that begin with `/`, `./` or `../`. */
export function listPaths(options: unknown): string[] {
  if (typeof options === "string") {
    const path = options.replace(/^(unix|file):\/\//i, "");
    return /^(\.{0,2}[\\/]|[a-z]:[\\/])/i.test(path) ? [path] : [];
  }
  return typeof options === "object" && options !== null ? Object.values(options).flatMap(listPaths) : [];
}
