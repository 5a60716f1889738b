// biome-ignore-all lint/a11y/useSemanticElements: names that scroll are no fieldset
import type { TargetPreview } from "@muster/core/resources";
import { useVirtualizer } from "@tanstack/react-virtual";
import { useRef } from "react";
import { useSpeech } from "../../i18n/language.tsx";
import type { CommandDraft } from "../../logic/command-draft.ts";
import { ErrorNotice } from "../../parts/notice.tsx";
import { AgentMark } from "../../parts/status.tsx";
import classes from "./new-command.module.css";

const ROW_PX = 28;

/** Exactly who is hit: how many, how many of them are there now, and their names. */
export function TargetList(props: {
  draft: CommandDraft;
  preview: TargetPreview | undefined;
  busy: boolean;
  error: unknown;
}) {
  const { draft, preview, busy, error } = props;
  const { say } = useSpeech();
  if (error) return <ErrorNotice error={error} />;
  const total = preview?.total ?? 0;
  const away = total - (preview?.online ?? 0);
  const unable = preview?.items.filter((item) => !item.canRun).length ?? 0;
  return (
    <section className={classes.targets} data-busy={busy || undefined} aria-live="polite">
      <div className={`${classes.total} figures`}>
        {preview === undefined
          ? "\u00a0"
          : draft.mode === "all"
            ? say("preview.everyone", { count: total })
            : say("agents.count", { count: total })}
      </div>
      <div className={`${classes.notes} figures`}>
        {total === 0 && <span>{say("preview.nobody")}</span>}
        {total > 0 && <span>{say("preview.online", { count: preview?.online ?? 0 })}</span>}
        {away > 0 && <span>{say("preview.away", { count: away })}</span>}
        {unable > 0 && <span className={classes.unable}>{say("preview.unable", { count: unable })}</span>}
      </div>
      {preview && total > 0 && <Names preview={preview} />}
    </section>
  );
}

function Names({ preview }: { preview: TargetPreview }) {
  const { say } = useSpeech();
  const scroll = useRef<HTMLDivElement>(null);
  const { items, total } = preview;
  const virtual = useVirtualizer({
    count: items.length,
    getScrollElement: () => scroll.current,
    estimateSize: () => ROW_PX,
    overscan: 10,
  });
  return (
    <>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard */}
      <div className={classes.names} ref={scroll} tabIndex={0} role="group" aria-label={say("preview.names")}>
        <div style={{ position: "relative", height: virtual.getTotalSize() }}>
          {virtual.getVirtualItems().map((row) => {
            const item = items[row.index];
            if (!item) return null;
            const status = item.status === "online" || item.status === "stale" ? item.status : "offline";
            return (
              <div key={item.id} className={classes.target} style={{ transform: `translateY(${row.start}px)` }}>
                <AgentMark status={status} />
                <span className="cut foreign" title={item.name}>
                  {item.name}
                </span>
                {!item.canRun && <span className={classes.unable}>{say("preview.cannotRun")}</span>}
              </div>
            );
          })}
        </div>
      </div>
      {total > items.length && (
        <div className={classes.notes}>{say("preview.more", { count: total - items.length })}</div>
      )}
    </>
  );
}
