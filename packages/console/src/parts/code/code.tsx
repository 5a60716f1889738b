import { lazy, Suspense } from "react";
import classes from "./code.module.css";
import type { TomlEditorProps } from "./toml-editor.tsx";

// the editor is larger than most screens together, and is fetched when one is looked at
const Editor = lazy(() => import("./toml-editor.tsx").then((module) => ({ default: module.TomlEditor })));
const Diff = lazy(() => import("./toml-diff.tsx").then((module) => ({ default: module.TomlDiff })));

/** A text to edit; give it a key where it may show another one. */
export function Code(props: TomlEditorProps) {
  return (
    <div className={classes.frame}>
      <Suspense>
        <Editor {...props} />
      </Suspense>
    </div>
  );
}

export function CodeDiff(props: { before: string; after: string; label: string }) {
  return (
    <div className={classes.frame}>
      <Suspense>
        <Diff {...props} />
      </Suspense>
    </div>
  );
}
