import type { Command } from "@muster/core/resources";

/** The text of a command on one line; an argv is quoted as a shell would need it. */
export function textOfCommand(command: Pick<Command, "text" | "argv">): string {
  if (command.text !== null) return command.text;
  return (command.argv ?? []).map((word) => (/^[\w./:=@%+-]+$/.test(word) ? word : JSON.stringify(word))).join(" ");
}

/** A command's first line, cut where the place ends. */
export function CommandText({ command }: { command: Pick<Command, "text" | "argv"> }) {
  const text = textOfCommand(command);
  const [first = "", ...more] = text.trim().split("\n");
  return (
    <span className="mono cut foreign" title={text.slice(0, 2000)}>
      {first}
      {more.length > 0 && " …"}
    </span>
  );
}
