import type { Command } from "commander";

/** A command line as completion needs it: words and flags that may follow. */
export interface CompletionNode {
  readonly name: string;
  readonly description: string;
  readonly flags: readonly {
    readonly name: string;
    readonly description: string;
    readonly choices: readonly string[];
  }[];
  readonly children: readonly CompletionNode[];
}

/** Reads the program itself, so that completion can never disagree with it. */
export function readTree(command: Command): CompletionNode {
  const help = command.createHelp();
  return {
    name: command.name(),
    description: command.description(),
    flags: help.visibleOptions(command).map((option) => ({
      name: option.long ?? option.short ?? "",
      description: option.description,
      choices: option.argChoices ?? [],
    })),
    children: help
      .visibleCommands(command)
      .filter((child) => child.name() !== "help")
      .map(readTree),
  };
}

/** Every command with the words that lead to it, the program itself first. */
export function* walkTree(
  node: CompletionNode,
  path: readonly string[] = [],
): Generator<[readonly string[], CompletionNode]> {
  yield [path, node];
  for (const child of node.children) yield* walkTree(child, [...path, child.name]);
}
