import type { OutputChunk } from "@muster/core/resources";
import { useEffect, useState } from "react";
import { OutputMerger } from "../logic/output-merger.ts";
import { client } from "./client.ts";

const read = (runId: string, after: number): AsyncIterable<OutputChunk> => client.runs.output(runId, { after });

/** The output of runs, joined from what is stored and what arrives. Re-renders at most once a frame. */
export function useOutput(key: string): OutputMerger | undefined {
  const [shown, setShown] = useState<{ merger: OutputMerger; version: number }>();
  useEffect(() => {
    let frame = 0;
    const merger = new OutputMerger({
      read,
      onChange: () => {
        if (frame !== 0) return;
        frame = requestAnimationFrame(() => {
          frame = 0;
          setShown((old) => ({ merger, version: (old?.version ?? 0) + 1 }));
        });
      },
    });
    setShown({ merger, version: 0 });
    return () => {
      cancelAnimationFrame(frame);
      merger.close();
    };
    // a new key is a new output
    // biome-ignore lint/correctness/useExhaustiveDependencies: the key stands for what is watched
  }, [key]);
  return shown?.merger;
}
