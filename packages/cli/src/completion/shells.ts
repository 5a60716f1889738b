import { type CompletionNode, walkTree } from "./tree.ts";

/** A completion script for one shell. */
export type ShellScript = (root: CompletionNode) => string;

/** bash: one function that finds the longest known path among the words typed and offers what follows it. */
const bash: ShellScript = (root) => {
  const cases = [...walkTree(root)].map(([path, node]) => {
    const words = [...node.children.map((child) => child.name), ...node.flags.map((flag) => flag.name)];
    return `    "${path.join(" ")}") words="${words.join(" ")}" ;;`;
  });
  return `# muster completion for bash: source <(muster completion bash)
_muster() {
  local current="\${COMP_WORDS[COMP_CWORD]}" path="" candidate word words
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    [[ "$word" == "--" ]] && return
    [[ "$word" == -* ]] && continue
    candidate="\${path:+$path }$word"
    case "$candidate" in
      ${[...walkTree(root)]
        .slice(1)
        .map(([path]) => `"${path.join(" ")}"`)
        .join(" | ")}) path="$candidate" ;;
    esac
  done
  case "$path" in
${cases.join("\n")}
  esac
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
}
complete -F _muster muster
`;
};

/** zsh: descriptions beside the words. */
const zsh: ShellScript = (root) => {
  const entry = (name: string, description: string) => `'${quoteZsh(name)}:${quoteZsh(description)}'`;
  const cases = [...walkTree(root)].map(([path, node]) => {
    const words = [
      ...node.children.map((child) => entry(child.name, child.description)),
      ...node.flags.map((flag) => entry(flag.name, flag.description)),
    ];
    return `    "${path.join(" ")}") entries=(${words.join(" ")}) ;;`;
  });
  return `#compdef muster
# muster completion for zsh: muster completion zsh > "\${fpath[1]}/_muster"
_muster() {
  local place="" candidate word
  local -a entries
  for word in "\${words[@]:1:$((CURRENT-2))}"; do
    [[ "$word" == "--" ]] && return
    [[ "$word" == -* ]] && continue
    candidate="\${place:+$place }$word"
    case "$candidate" in
      ${[...walkTree(root)]
        .slice(1)
        .map(([path]) => `"${path.join(" ")}"`)
        .join(" | ")}) place="$candidate" ;;
    esac
  done
  case "$place" in
${cases.join("\n")}
  esac
  _describe 'muster' entries
}
compdef _muster muster
`;
};

/** fish: one \`complete\` line per word and flag. */
const fish: ShellScript = (root) => {
  const lines: string[] = [];
  for (const [path, node] of walkTree(root)) {
    const condition = fishCondition(path, node);
    for (const child of node.children) {
      lines.push(`complete -c muster -n ${condition} -f -a ${child.name} -d ${quoteFish(child.description)}`);
    }
    for (const flag of node.flags) {
      const choices = flag.choices.length > 0 ? ` -x -a ${quoteFish(flag.choices.join(" "))}` : "";
      const name = flag.name.startsWith("--") ? `-l ${flag.name.slice(2)}` : `-s ${flag.name.slice(1)}`;
      lines.push(`complete -c muster -n ${condition} ${name}${choices} -d ${quoteFish(flag.description)}`);
    }
  }
  return `# muster completion for fish: muster completion fish > ~/.config/fish/completions/muster.fish\n${lines.join("\n")}\n`;
};

/** True while the words of the path were typed and none of the next ones. */
function fishCondition(path: readonly string[], node: CompletionNode): string {
  const seen = path.map((word) => `__fish_seen_subcommand_from ${word}`);
  const next = node.children.map((child) => child.name).join(" ");
  if (next !== "") seen.push(`not __fish_seen_subcommand_from ${next}`);
  return quoteFish(seen.join("; and ") || "true");
}

function quoteZsh(text: string): string {
  return text.replaceAll("'", "'\\''").replaceAll(":", "\\:");
}

function quoteFish(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}

export const SHELLS: Readonly<Record<string, ShellScript>> = { bash, zsh, fish };
