import { lazy, Suspense } from "react";
import classes from "./code.module.css";
import type { TextDiffProps } from "./text-diff.tsx";
import type { TextEditorProps } from "./text-editor.tsx";

// the editor is larger than most screens together, and is fetched when one is looked at
const Editor = lazy(() => import("./text-editor.tsx").then((module) => ({ default: module.TextEditor })));
const Diff = lazy(() => import("./text-diff.tsx").then((module) => ({ default: module.TextDiff })));

/** A text to edit; give it a key where it may show another one. */
export function Code(props: TextEditorProps) {
  return (
    <div className={classes.frame}>
      <Suspense>
        <Editor {...props} />
      </Suspense>
    </div>
  );
}

export function CodeDiff(props: TextDiffProps) {
  return (
    <div className={classes.frame}>
      <Suspense>
        <Diff {...props} />
      </Suspense>
    </div>
  );
}
