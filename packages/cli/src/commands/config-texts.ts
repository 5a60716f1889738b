import type { Context } from "../context.ts";
import { OutputSanitizer } from "../terminal/sanitize.ts";

/** Shows a comparison: in colours, and without what would move a cursor, where somebody looks; to the letter elsewhere. */
export function showDiff({ terminal }: Context, lines: readonly string[]): void {
  const { style } = terminal;
  const sanitizer = new OutputSanitizer({ styles: false });
  const paint = (line: string) => {
    if (!terminal.isInteractive) return line;
    const clean = sanitizer.clean(line);
    if (/^(---|\+\+\+) /.test(line)) return style.bold(clean);
    if (line.startsWith("-")) return style.red(clean);
    if (line.startsWith("+")) return style.green(clean);
    return line.startsWith("@@") ? style.cyan(clean) : clean;
  };
  terminal.lines(lines.map((line) => paint(line)));
}
