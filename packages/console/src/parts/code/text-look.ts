import { HighlightStyle, StreamLanguage, syntaxHighlighting } from "@codemirror/language";
import { json } from "@codemirror/legacy-modes/mode/javascript";
import { toml } from "@codemirror/legacy-modes/mode/toml";
import { yaml } from "@codemirror/legacy-modes/mode/yaml";
import { EditorState, type Extension } from "@codemirror/state";
import { drawSelection, EditorView, highlightSpecialChars, lineNumbers } from "@codemirror/view";
import { tags } from "@lezer/highlight";
import type { ConfigFormat } from "@muster/core/resources";

/** Colours are the theme's variables, so that a change of theme needs nothing done here. */
const look = EditorView.theme({
  "&": { height: "100%", color: "var(--m-text)", backgroundColor: "transparent", fontSize: "13px" },
  "&.cm-focused": { outline: "none" },
  ".cm-scroller": {
    fontFamily: "var(--m-mono)",
    fontVariantLigatures: "none",
    lineHeight: "20px",
    overflow: "auto",
  },
  ".cm-content": { padding: "8px 0", caretColor: "var(--m-text)" },
  ".cm-line": { padding: "0 12px 0 8px" },
  ".cm-cursor": { borderLeftColor: "var(--m-text)" },
  ".cm-gutters": {
    border: "none",
    backgroundColor: "transparent",
    color: "var(--m-faint)",
  },
  ".cm-lineNumbers .cm-gutterElement": { minWidth: "32px", padding: "0 8px 0 4px" },
  ".cm-activeLine, .cm-activeLineGutter": { backgroundColor: "var(--m-hover)" },
  "& > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, &.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground":
    { background: "var(--m-accent-soft)" },
  ".cm-matchingBracket, &.cm-focused .cm-matchingBracket": {
    backgroundColor: "var(--m-accent-soft)",
    outline: "1px solid var(--m-border-strong)",
  },
  ".cm-tooltip": {
    border: "1px solid var(--m-border-strong)",
    borderRadius: "var(--m-radius)",
    backgroundColor: "var(--m-raised)",
    boxShadow: "var(--m-shadow)",
    color: "var(--m-text)",
  },
  ".cm-diagnostic-error": { padding: "6px 10px", borderLeft: "3px solid var(--m-wrong-fill)" },
  ".cm-lintRange-error": {
    backgroundImage: "none",
    textDecoration: "underline wavy var(--m-wrong-fill)",
    textUnderlineOffset: "3px",
    textDecorationSkipInk: "none",
  },
  ".cm-lintPoint-error::after": { borderBottomColor: "var(--m-wrong-fill)" },
  ".cm-gutter-lint": { width: "16px" },
  ".cm-gutter-lint .cm-gutterElement": { padding: "0 0 0 4px" },
  ".cm-lint-marker": { width: "10px", height: "10px", marginTop: "5px" },
  ".cm-lint-marker-error": {
    content: '""',
    borderRadius: "50%",
    backgroundColor: "var(--m-wrong-fill)",
  },
  ".cm-wrongLine": { backgroundColor: "var(--m-wrong-soft)" },
});

const colors = HighlightStyle.define([
  { tag: tags.comment, color: "var(--m-faint)" },
  { tag: tags.atom, color: "var(--m-accent)" },
  { tag: tags.string, color: "var(--m-ok)" },
  { tag: tags.number, color: "var(--m-attention)" },
  { tag: tags.bracket, color: "var(--m-dim)" },
  { tag: tags.propertyName, color: "var(--m-text)" },
  { tag: tags.keyword, color: "var(--m-attention)" },
  { tag: tags.meta, color: "var(--m-dim)" },
]);

const LANGUAGES: Readonly<Record<ConfigFormat, readonly Extension[]>> = {
  toml: [StreamLanguage.define(toml)],
  yaml: [StreamLanguage.define(yaml)],
  json: [StreamLanguage.define(json)],
  text: [],
};

/** How a text looks, to read and to write. */
export const lookOf = (format: ConfigFormat): readonly Extension[] => [
  look,
  ...LANGUAGES[format],
  syntaxHighlighting(colors),
  lineNumbers(),
  highlightSpecialChars(),
  drawSelection(),
];

/** To be read and copied only. */
export const READ_ONLY: readonly Extension[] = [EditorState.readOnly.of(true), EditorView.editable.of(false)];
