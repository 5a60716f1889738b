import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { bracketMatching } from "@codemirror/language";
import { type Diagnostic, linter, lintGutter, setDiagnostics } from "@codemirror/lint";
import { EditorState } from "@codemirror/state";
import { EditorView, highlightActiveLine, highlightActiveLineGutter, keymap } from "@codemirror/view";
import type { ConfigFormat } from "@muster/core/resources";
import { useEffect, useEffectEvent, useRef } from "react";
import { findSpan, type InputFault } from "../../logic/input-fault.ts";
import classes from "./code.module.css";
import { lookOf, READ_ONLY } from "./text-look.ts";

/** Where something is wrong, and what. */
interface EditorFlaw {
  readonly line: number;
  readonly column: number | undefined;
  readonly message: string;
}

export interface TextEditorProps {
  readonly label: string;
  readonly value: string;
  /** Which colours it has; TOML when not said. */
  readonly format?: ConfigFormat;
  /** Without it the text is only read. */
  readonly onChange?: ((text: string) => void) | undefined;
  /** Marked in its place; the view goes there when a new one comes. */
  readonly fault?: InputFault | undefined;
  /** Looks at the text a moment after the last letter; what it finds is marked and nobody is taken there. */
  readonly check?: ((text: string) => EditorFlaw | undefined) | undefined;
}

const CHECK_MS = 400;

/** A text. Tab leaves it, as it leaves every other field. */
export function TextEditor({ label, value, format = "toml", onChange, fault, check }: TextEditorProps) {
  const place = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView>(null);
  const tell = useEffectEvent((text: string) => onChange?.(text));
  const first = useEffectEvent(() => value);
  const look = useEffectEvent((text: string) => {
    const flaw = check?.(text);
    return flaw ? toDiagnostics(text, flaw) : [];
  });
  const isReadOnly = onChange === undefined;
  const isChecked = check !== undefined;

  useEffect(() => {
    if (!place.current) return;
    const editor = new EditorView({
      parent: place.current,
      state: EditorState.create({
        doc: first(),
        extensions: [
          ...lookOf(format),
          EditorView.contentAttributes.of({ "aria-label": label, spellcheck: "false" }),
          ...(isReadOnly
            ? [...READ_ONLY, EditorView.contentAttributes.of({ tabindex: "0" })]
            : [
                history(),
                bracketMatching(),
                lintGutter(),
                ...(isChecked ? [linter((at) => look(at.state.doc.toString()), { delay: CHECK_MS })] : []),
                highlightActiveLine(),
                highlightActiveLineGutter(),
                keymap.of([...defaultKeymap, ...historyKeymap]),
                EditorView.updateListener.of((update) => {
                  if (update.docChanged) tell(update.state.doc.toString());
                }),
              ]),
        ],
      }),
    });
    view.current = editor;
    return () => {
      view.current = null;
      editor.destroy();
    };
  }, [label, format, isReadOnly, isChecked]);

  useEffect(() => {
    const editor = view.current;
    if (!editor || editor.state.doc.toString() === value) return;
    editor.dispatch({ changes: { from: 0, to: editor.state.doc.length, insert: value } });
  }, [value]);

  useEffect(() => {
    const editor = view.current;
    if (!editor) return;
    const text = editor.state.doc.toString();
    const marks = fault ? toDiagnostics(text, fault) : [];
    editor.dispatch(setDiagnostics(editor.state, marks));
    const [mark] = marks;
    if (!mark) return;
    editor.dispatch({
      selection: { anchor: mark.from },
      effects: EditorView.scrollIntoView(mark.from, { y: "center" }),
    });
    editor.focus();
  }, [fault]);

  return <div ref={place} className={classes.editor} />;
}

function toDiagnostics(
  text: string,
  { line, column, message }: Pick<InputFault, "line" | "column" | "message">,
): Diagnostic[] {
  if (line === undefined) return [];
  return [{ ...findSpan(text, line, column), severity: "error", message }];
}
