/** A configuration as the server has it. */
export interface SavedText {
  readonly toml: string;
  readonly revision: number | null;
}

/** A text that is being edited, and the one that it started from. */
export interface InputDraft {
  readonly text: string;
  readonly base: SavedText;
}

export function startDraft(saved: SavedText): InputDraft {
  return { text: saved.toml, base: saved };
}

export function isChanged(draft: InputDraft): boolean {
  return draft.text !== draft.base.toml;
}

/**
 * The draft after the server told its newest. Nobody's work is lost: an untouched draft becomes the newest, a touched one
 * stays as it is, and where only the revision moved on (somebody switched the input off) it moves along.
 */
export function follow(draft: InputDraft, newest: SavedText): InputDraft {
  if (draft.base.toml === newest.toml) {
    return draft.base.revision === newest.revision ? draft : { ...draft, base: newest };
  }
  if (!isChanged(draft) || draft.text === newest.toml) return startDraft(newest);
  return draft;
}

/** True where somebody else saved another text than the one this draft started from. */
export function isOvertaken(draft: InputDraft, newest: SavedText): boolean {
  return draft.base.toml !== newest.toml && draft.text !== newest.toml;
}

/** Keeps what was written and takes the newest as what it replaces. */
export function keepMine(draft: InputDraft, newest: SavedText): InputDraft {
  return { text: draft.text, base: newest };
}
