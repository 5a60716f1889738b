/** One line of a comparison: kept, gone or new. Its text has its line end, where it has one. */
export interface DiffLine {
  readonly sign: " " | "-" | "+";
  readonly text: string;
}

/** Lines around a change that are shown with it. */
const CONTEXT = 3;
/** Texts that differ in more lines than this are shown as gone and new: finding the least difference would take too long. */
const MAX_EDITS = 500;

/** The difference in unified form, without colours; no lines when there is none. */
export function unifiedDiff(before: string, after: string, names: { before: string; after: string }): string[] {
  if (before === after) return [];
  const lines = diffLines(before, after);
  return [`--- ${names.before}`, `+++ ${names.after}`, ...findHunks(lines).flatMap((hunk) => renderHunk(lines, hunk))];
}

/** Every line of both texts: as few of them gone and new as possible. */
export function diffLines(before: string, after: string): DiffLine[] {
  const left = splitLines(before);
  const right = splitLines(after);
  let start = 0;
  while (start < left.length && start < right.length && left[start] === right[start]) start++;
  let end = 0;
  while (
    end < Math.min(left.length, right.length) - start &&
    left[left.length - 1 - end] === right[right.length - 1 - end]
  )
    end++;
  const keep = (text: string): DiffLine => ({ sign: " ", text });
  return [
    ...left.slice(0, start).map(keep),
    ...shortestEdit(left.slice(start, left.length - end), right.slice(start, right.length - end)),
    ...left.slice(left.length - end).map(keep),
  ];
}

function splitLines(text: string): string[] {
  return text === "" ? [] : text.split(/(?<=\n)/);
}

/** E. Myers, "An O(ND) Difference Algorithm and Its Variations": the way with the fewest steps down and right. */
function shortestEdit(left: readonly string[], right: readonly string[]): DiffLine[] {
  const furthest = new Map<number, number>([[1, 0]]);
  const trace: Map<number, number>[] = [];
  const at = (diagonal: number) => furthest.get(diagonal) ?? -1;
  for (let edits = 0; edits <= Math.min(left.length + right.length, MAX_EDITS); edits++) {
    trace.push(new Map(furthest));
    for (let diagonal = -edits; diagonal <= edits; diagonal += 2) {
      const isDown = diagonal === -edits || (diagonal !== edits && at(diagonal - 1) < at(diagonal + 1));
      let x = isDown ? at(diagonal + 1) : at(diagonal - 1) + 1;
      while (x < left.length && x - diagonal < right.length && left[x] === right[x - diagonal]) x++;
      furthest.set(diagonal, x);
      if (x >= left.length && x - diagonal >= right.length) return walkBack(trace, left, right);
    }
  }
  return [
    ...left.map((text): DiffLine => ({ sign: "-", text })),
    ...right.map((text): DiffLine => ({ sign: "+", text })),
  ];
}

function walkBack(
  trace: readonly ReadonlyMap<number, number>[],
  left: readonly string[],
  right: readonly string[],
): DiffLine[] {
  const lines: DiffLine[] = [];
  let [x, y] = [left.length, right.length];
  for (let edits = trace.length - 1; edits >= 0; edits--) {
    const at = (diagonal: number) => trace[edits]?.get(diagonal) ?? -1;
    const diagonal = x - y;
    const isDown = diagonal === -edits || (diagonal !== edits && at(diagonal - 1) < at(diagonal + 1));
    const fromX = edits === 0 ? 0 : at(isDown ? diagonal + 1 : diagonal - 1);
    const fromY = edits === 0 ? 0 : fromX - (isDown ? diagonal + 1 : diagonal - 1);
    while (x > fromX && y > fromY) {
      lines.push({ sign: " ", text: left[--x] ?? "" });
      y--;
    }
    if (edits === 0) break;
    if (isDown) lines.push({ sign: "+", text: right[--y] ?? "" });
    else lines.push({ sign: "-", text: left[--x] ?? "" });
  }
  return lines.reverse();
}

interface Hunk {
  readonly from: number;
  readonly to: number;
}

function findHunks(lines: readonly DiffLine[]): Hunk[] {
  const hunks: { from: number; to: number }[] = [];
  lines.forEach(({ sign }, index) => {
    if (sign === " ") return;
    const last = hunks.at(-1);
    const to = Math.min(lines.length, index + 1 + CONTEXT);
    if (last && index - CONTEXT <= last.to) last.to = to;
    else hunks.push({ from: Math.max(0, index - CONTEXT), to });
  });
  return hunks;
}

function renderHunk(lines: readonly DiffLine[], { from, to }: Hunk): string[] {
  const shown = lines.slice(from, to);
  const count = (sign: string, part: readonly DiffLine[]) => part.filter((line) => line.sign !== sign).length;
  const range = (sign: string) => {
    const length = count(sign, shown);
    const first = count(sign, lines.slice(0, from)) + (length === 0 ? 0 : 1);
    return length === 1 ? `${first}` : `${first},${length}`;
  };
  return [
    `@@ -${range("+")} +${range("-")} @@`,
    ...shown.flatMap(({ sign, text }) =>
      text.endsWith("\n") ? [`${sign}${text.slice(0, -1)}`] : [`${sign}${text}`, "\\ No newline at end of file"],
    ),
  ];
}
