import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { bracketMatching } from "@codemirror/language";
import { type Diagnostic, lintGutter, setDiagnostics } from "@codemirror/lint";
import { EditorState } from "@codemirror/state";
import { EditorView, highlightActiveLine, highlightActiveLineGutter, keymap } from "@codemirror/view";
import { useEffect, useEffectEvent, useRef } from "react";
import { findSpan, type InputFault } from "../../logic/input-fault.ts";
import classes from "./code.module.css";
import { READ_ONLY, TOML_LOOK } from "./toml-look.ts";

export interface TomlEditorProps {
  readonly label: string;
  readonly value: string;
  /** Without it the text is only read. */
  readonly onChange?: ((text: string) => void) | undefined;
  /** Marked in its place; the view goes there when a new one comes. */
  readonly fault?: InputFault | undefined;
}

/** A TOML text. Tab leaves it, as it leaves every other field. */
export function TomlEditor({ label, value, onChange, fault }: TomlEditorProps) {
  const place = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView>(null);
  const tell = useEffectEvent((text: string) => onChange?.(text));
  const first = useEffectEvent(() => value);
  const isReadOnly = onChange === undefined;

  useEffect(() => {
    if (!place.current) return;
    const editor = new EditorView({
      parent: place.current,
      state: EditorState.create({
        doc: first(),
        extensions: [
          ...TOML_LOOK,
          EditorView.contentAttributes.of({ "aria-label": label, spellcheck: "false" }),
          ...(isReadOnly
            ? [...READ_ONLY, EditorView.contentAttributes.of({ tabindex: "0" })]
            : [
                history(),
                bracketMatching(),
                lintGutter(),
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
  }, [label, isReadOnly]);

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

function toDiagnostics(text: string, { line, column, message }: InputFault): Diagnostic[] {
  if (line === undefined) return [];
  return [{ ...findSpan(text, line, column), severity: "error", message }];
}
