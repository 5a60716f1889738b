import { useNow } from "../api/clock.tsx";
import { useSpeech } from "../i18n/language.tsx";

/** How long ago, with the instant itself on hover. Keeps counting. */
export function Age({ at, everyMs = 10_000 }: { at: string | null; everyMs?: number }) {
  const { format, say } = useSpeech();
  const now = useNow(everyMs);
  if (at === null) return <span className="dim">{say("age.never")}</span>;
  // the tick lags behind: what came after it came just now, and is not of the future
  const differenceMs = now - Date.parse(at);
  const past = differenceMs < 1500 && differenceMs > -everyMs * 2 ? say("age.now") : format.age(Date.parse(at), now);
  return (
    <time dateTime={at} title={format.instant(at)} className="figures">
      {past}
    </time>
  );
}
