import { MergeView, unifiedMergeView } from "@codemirror/merge";
import { EditorState, type Extension } from "@codemirror/state";
import { EditorView } from "@codemirror/view";
import { useMediaQuery } from "@mantine/hooks";
import type { ConfigFormat } from "@muster/core/resources";
import { useEffect, useRef } from "react";
import { useSpeech } from "../../i18n/language.tsx";
import classes from "./code.module.css";
import { lookOf, READ_ONLY } from "./text-look.ts";

/** Unchanged lines around a change that stay; longer stretches are folded. */
const COLLAPSE = { margin: 3, minSize: 6 };

const under = (color: string) => ({
  background: "none",
  textDecoration: "none",
  boxShadow: `inset 0 -2px 0 var(--m-${color}-fill)`,
});

/** What is gone is red and what came is green, in the theme's tones; shade and underline tell them apart as well. */
const diffLook = EditorView.theme({
  "&.cm-merge-a .cm-changedLine, & .cm-deletedChunk": { backgroundColor: "var(--m-wrong-soft)" },
  "&.cm-merge-b .cm-changedLine, & .cm-insertedLine": { backgroundColor: "var(--m-ok-soft)" },
  "&.cm-merge-a .cm-changedText, & .cm-deletedChunk .cm-deletedText": under("wrong"),
  "&.cm-merge-b .cm-changedText": under("ok"),
  "&.cm-merge-a .cm-changedLineGutter, & .cm-deletedLineGutter": { background: "var(--m-wrong-fill)" },
  "&.cm-merge-b .cm-changedLineGutter": { background: "var(--m-ok-fill)" },
  ".cm-deletedChunk": { paddingLeft: "8px" },
  ".cm-deletedLine, .cm-deletedLine del, .cm-insertedLine": { textDecoration: "none" },
  ".cm-collapsedLines": {
    padding: "4px 12px",
    background: "var(--m-surface)",
    color: "var(--m-dim)",
    fontFamily: "var(--mantine-font-family)",
    fontSize: "12px",
    "&:before, &:after": { content: "none" },
  },
});

export interface TextDiffProps {
  readonly before: string;
  readonly after: string;
  readonly label: string;
  readonly format?: ConfigFormat;
}

/** What became of a text: beside each other where there is room, below each other where not. */
export function TextDiff({ before, after, label, format = "toml" }: TextDiffProps) {
  const { say } = useSpeech();
  const place = useRef<HTMLDivElement>(null);
  const wide = useMediaQuery("(min-width: 900px)", undefined, { getInitialValueInEffect: false });
  const unchanged = say("inputs.unchangedLines");
  useEffect(() => {
    const parent = place.current;
    if (!parent) return;
    const extensions: Extension[] = [
      ...lookOf(format),
      ...READ_ONLY,
      diffLook,
      EditorView.lineWrapping,
      EditorView.contentAttributes.of({ "aria-label": label, tabindex: "0" }),
      EditorState.phrases.of({ "$ unchanged lines": unchanged }),
    ];
    const view = wide
      ? new MergeView({
          parent,
          a: { doc: before, extensions },
          b: { doc: after, extensions },
          collapseUnchanged: COLLAPSE,
        })
      : new EditorView({
          parent,
          doc: after,
          extensions: [
            ...extensions,
            unifiedMergeView({ original: before, mergeControls: false, collapseUnchanged: COLLAPSE }),
          ],
        });
    return () => view.destroy();
  }, [before, after, wide, label, format, unchanged]);
  return <div ref={place} className={classes.diff} />;
}
