import { useSpeech } from "../../i18n/language.tsx";
import { Age } from "../../parts/age.tsx";

/** What both kinds of token say about themselves. */
export function TokenFacts(props: {
  token: { hint: string; createdBy: string; createdAt: string; expiresAt: string | null; lastUsedAt: string | null };
}) {
  const { token } = props;
  const { say } = useSpeech();
  return (
    <>
      <span className="mono">{token.hint}…</span>
      <span className="foreign">
        {say("tokens.by", { who: token.createdBy })} <Age at={token.createdAt} />
      </span>
      <span>
        {say("tokens.used")} <Age at={token.lastUsedAt} />
      </span>
      <span>
        {token.expiresAt === null ? (
          say("tokens.endless")
        ) : (
          <>
            {say("tokens.ends")} <Age at={token.expiresAt} />
          </>
        )}
      </span>
    </>
  );
}
