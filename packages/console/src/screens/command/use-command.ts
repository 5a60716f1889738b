import type { Command, Run } from "@muster/core/resources";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useMemo, useRef, useState } from "react";
import { useLive } from "../../api/live.tsx";
import { commandQuery, commandRunsQuery } from "../../api/queries.ts";
import { useOutput } from "../../api/use-output.ts";
import type { OutputMerger } from "../../logic/output-merger.ts";

/**
 * A command, its runs and what they write, all kept true while the page is open. The live stream begins with what is
 * stored, so the output is asked for only where the stream left something out.
 */
export interface CommandPicture {
  readonly command: Command | undefined;
  readonly runs: readonly Run[] | undefined;
  readonly output: OutputMerger;
  readonly error: Error | null;
  retry(): void;
}

export function useCommand(commandId: string): CommandPicture {
  const queries = useQueryClient();
  const command = useQuery(commandQuery(commandId));
  const stored = useQuery(commandRunsQuery(commandId));
  const changed = useChangedRuns();
  const output = useOutput();

  useLive({ op: "command", commandId, output: true }, (event) => {
    if (event.event === "command") queries.setQueryData(commandQuery(commandId).queryKey, event.command);
    else if (event.event === "run") changed.add(event.run);
    else if (event.event === "output") output.push(event.runId, event.chunks);
    else if (event.event === "lagged") output.catchUp();
  });

  const runs = useMemo(() => {
    if (!stored.data && changed.runs.size === 0) return undefined;
    const all = new Map((stored.data ?? []).map((run) => [run.id, run]));
    for (const [id, run] of changed.runs) all.set(id, run);
    return [...all.values()];
  }, [stored.data, changed.runs]);

  return {
    command: command.data,
    runs,
    output,
    error: command.data ? null : command.error,
    retry: () => {
      void command.refetch();
      void stored.refetch();
    },
  };
}

/** Runs as they change, taken over once a frame: a thousand hosts finish within one second. */
function useChangedRuns(): { runs: ReadonlyMap<string, Run>; add: (run: Run) => void } {
  const [runs, setRuns] = useState<ReadonlyMap<string, Run>>(new Map());
  const waiting = useRef<Run[]>([]);
  const frame = useRef(0);
  useEffect(() => () => cancelAnimationFrame(frame.current), []);
  const add = (run: Run) => {
    waiting.current.push(run);
    if (frame.current !== 0) return;
    frame.current = requestAnimationFrame(() => {
      frame.current = 0;
      const fresh = waiting.current.splice(0);
      setRuns((old) => new Map([...old, ...fresh.map((member) => [member.id, member] as const)]));
    });
  };
  return { runs, add };
}
