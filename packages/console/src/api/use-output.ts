import type { OutputChunk } from "@muster/core/resources";
import { useEffect, useRef, useState } from "react";
import { OutputMerger } from "../logic/output-merger.ts";
import { client } from "./client.ts";

const read = (runId: string, after: number): AsyncIterable<OutputChunk> => client.runs.output(runId, { after });

/**
 * The output of runs, joined from what is stored and what arrives; the caller's component re-renders at most once a
 * frame. Lives as long as the component: give that a key where it may show something else.
 */
export function useOutput(): OutputMerger {
  const [, setVersion] = useState(0);
  const frame = useRef(0);
  const [merger] = useState(
    () =>
      new OutputMerger({
        read,
        onChange: () => {
          if (frame.current !== 0) return;
          frame.current = requestAnimationFrame(() => {
            frame.current = 0;
            setVersion((version) => version + 1);
          });
        },
      }),
  );
  useEffect(
    () => () => {
      cancelAnimationFrame(frame.current);
      merger.close();
    },
    [merger],
  );
  return merger;
}
