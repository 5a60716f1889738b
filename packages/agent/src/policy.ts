import { readFileSync, realpathSync, statSync } from "node:fs";
import { isAbsolute, join, resolve, sep } from "node:path";
import { currentUser } from "./commands/run-as.ts";

/** What a host may let the server do. */
export const POLICY_ACTIONS = ["metrics", "config", "inputs", "exec", "terminal", "files"] as const;
export type PolicyAction = (typeof POLICY_ACTIONS)[number];

/** What this host accepts from the server, decided by whoever owns the host. */
export interface Policy {
  readonly allow: ReadonlySet<PolicyAction>;
  /** Users that commands may run as; undefined: any. */
  readonly users: ReadonlySet<string> | undefined;
  /** Folders and files that no working directory, no program and nothing that an input names may be in. */
  readonly denyPaths: readonly string[];
  /** Set when the file cannot be used: then everything is refused, with this reason. */
  readonly fault?: string;
}

/** Without a file: metrics, configs, inputs and commands; no terminal and no files, which somebody must switch on. */
export const DEFAULT_POLICY: Policy = {
  allow: new Set<PolicyAction>(["metrics", "config", "inputs", "exec"]),
  users: undefined,
  denyPaths: [],
};

/** What a command wants, as far as a policy is concerned. */
export interface ExecRequest {
  readonly user: string | null;
  readonly cwd: string;
  readonly argv: readonly string[] | null;
  /** Where the command's programs are looked for, as in the variable PATH. */
  readonly searchPath: string;
}

/** The reason why a policy refuses an action, undefined when it allows it. */
export function refuseAction(policy: Policy, action: PolicyAction): string | undefined {
  if (policy.fault !== undefined) return policy.fault;
  return policy.allow.has(action) ? undefined : `the policy of this host does not allow ${action}`;
}

/**
 * The reason why a policy refuses a command. Paths are compared after links are followed. A shell text is not searched
 * for paths: what it can reach is decided by the user it runs as.
 */
export function refuseExec(policy: Policy, request: ExecRequest): string | undefined {
  const refused = refuseAction(policy, "exec");
  if (refused !== undefined) return refused;
  const user = request.user ?? currentUser();
  if (policy.users && !policy.users.has(user)) return `the policy of this host does not allow the user ${user}`;
  const program = request.argv?.[0];
  const paths = [request.cwd, ...(program === undefined ? [] : [locateProgram(program, request)])];
  const denied = paths.map(followLinks).find((path) => policy.denyPaths.some((root) => isInside(path, root)));
  return denied === undefined ? undefined : `the policy of this host denies the path ${denied}`;
}

/** The reason why a policy refuses files that somebody names, by globs or as they are. A glob is refused when it could lead there. */
export function refusePaths(policy: Policy, paths: readonly string[]): string | undefined {
  for (const path of paths) {
    const wild = path.search(/[*?[{]/);
    const place = followLinks(wild === -1 ? path : path.slice(0, path.lastIndexOf(sep, wild) + 1));
    for (const root of policy.denyPaths)
      if (isInside(place, root) || (wild !== -1 && isInside(root, place)))
        return `the policy of this host denies the path ${path}`;
  }
  return undefined;
}

/** Reads a policy. Everything must be understood: a misspelt `deny-paths` would otherwise open the host. */
export function parsePolicy(parsed: unknown): Policy {
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) throw new Error("expected a mapping");
  const unknown = Object.keys(parsed).find((key) => !["allow", "users", "deny-paths"].includes(key));
  if (unknown !== undefined) throw new Error(`there is no setting ${JSON.stringify(unknown)}`);
  const fields = parsed as Readonly<Record<string, unknown>>;
  const allow = readTexts(fields.allow, "allow") ?? [];
  const wrong = allow.find((word) => !POLICY_ACTIONS.some((action) => action === word));
  if (wrong !== undefined) throw new Error(`allow: ${JSON.stringify(wrong)} is none of ${POLICY_ACTIONS.join(", ")}`);
  const denyPaths = readTexts(fields["deny-paths"], "deny-paths") ?? [];
  const relative = denyPaths.find((path) => !isAbsolute(path));
  if (relative !== undefined) throw new Error(`deny-paths: ${JSON.stringify(relative)} is no absolute path`);
  const users = readTexts(fields.users, "users");
  return {
    allow: fields.allow === undefined ? DEFAULT_POLICY.allow : new Set(allow as PolicyAction[]),
    users: users && new Set(users),
    denyPaths: denyPaths.map(followLinks),
  };
}

function readTexts(value: unknown, name: string): string[] | undefined {
  if (value === undefined) return undefined;
  // `users:` with nothing after it is a list of nobody, and not the absence of a list
  if (value === null) return [];
  if (!Array.isArray(value) || value.some((entry) => typeof entry !== "string" && typeof entry !== "number")) {
    throw new Error(`${name}: expected a list of texts`);
  }
  return value.map(String);
}

/** The policy file as it is now: read again whenever it has changed. */
export class PolicyFile {
  readonly #path: string;
  #policy: Policy = DEFAULT_POLICY;
  #version = "missing";

  constructor(path: string) {
    this.#path = path;
  }

  /** The policy in force. A file that is there but cannot be used refuses everything and says so. */
  async load(): Promise<Policy> {
    const version = this.#readVersion();
    if (version === this.#version) return this.#policy;
    this.#policy = version === "missing" ? DEFAULT_POLICY : await this.#parse();
    this.#version = version;
    return this.#policy;
  }

  #readVersion(): string {
    try {
      const { mtimeMs, ctimeMs, size, ino } = statSync(this.#path);
      return `${mtimeMs} ${ctimeMs} ${size} ${ino}`;
    } catch (error) {
      const isMissing = error instanceof Error && "code" in error && error.code === "ENOENT";
      return isMissing ? "missing" : "unreadable";
    }
  }

  async #parse(): Promise<Policy> {
    try {
      const { parse } = await import("yaml"); // only hosts with a policy pay for the parser
      return parsePolicy(parse(readFileSync(this.#path, "utf8")));
    } catch (error) {
      const reason = error instanceof Error ? error.message.split("\n")[0] : String(error);
      return {
        ...DEFAULT_POLICY,
        fault: `the policy file of this host cannot be used, so nothing is allowed: ${reason}`,
      };
    }
  }
}

function isInside(path: string, root: string): boolean {
  return path === root || path.startsWith(root.endsWith(sep) ? root : `${root}${sep}`);
}

/** The real place of a path; for one that does not exist, of its nearest parent that does. */
function followLinks(path: string): string {
  const absolute = resolve(path);
  try {
    return realpathSync(absolute);
  } catch {
    const parent = resolve(absolute, "..");
    return parent === absolute ? absolute : join(followLinks(parent), absolute.slice(parent.length));
  }
}

function locateProgram(program: string, request: ExecRequest): string {
  const { cwd, searchPath } = request;
  if (program.includes("/")) return resolve(cwd, program);
  for (const folder of searchPath.split(":")) {
    const candidate = join(folder === "" ? cwd : folder, program);
    try {
      if (statSync(candidate).isFile()) return candidate;
    } catch {
      // not in this folder
    }
  }
  return resolve(cwd, program);
}
