import { createContext, type ReactNode, useContext, useEffect, useMemo, useState } from "react";
import { createFormat, type Format, type Language, LOCALES } from "../logic/format.ts";
import { createSay, type Say } from "./dictionary.ts";

interface Speech {
  readonly language: Language;
  readonly setLanguage: (language: Language) => void;
  readonly say: Say;
  readonly format: Format;
}

const KEY = "muster-language";
const SpeechContext = createContext<Speech | undefined>(undefined);

/** Gives everything below it one language; remembers the choice in the browser. */
export function LanguageProvider({ children }: { children: ReactNode }) {
  const [language, setLanguage] = useState<Language>(readLanguage);
  useEffect(() => {
    document.documentElement.lang = LOCALES[language];
  }, [language]);
  const speech = useMemo<Speech>(
    () => ({
      language,
      setLanguage: (next) => {
        setLanguage(next);
        try {
          localStorage.setItem(KEY, next);
        } catch {
          // a browser that remembers nothing still switches
        }
      },
      say: createSay(language),
      format: createFormat(language),
    }),
    [language],
  );
  return <SpeechContext value={speech}>{children}</SpeechContext>;
}

export function useSpeech(): Speech {
  const speech = useContext(SpeechContext);
  if (!speech) throw new Error("useSpeech needs a LanguageProvider");
  return speech;
}

function readLanguage(): Language {
  try {
    const chosen = localStorage.getItem(KEY);
    if (chosen === "en" || chosen === "zh") return chosen;
  } catch {
    // fall through to the browser's own
  }
  return navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en";
}
