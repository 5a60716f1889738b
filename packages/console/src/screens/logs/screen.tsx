import { Button, Switch } from "@mantine/core";
import { useState } from "react";
import { Link, useSearchParams } from "react-router";
import { useServerClock } from "../../api/clock.tsx";
import { usePlace } from "../../app/place.tsx";
import { useMay } from "../../app/session.tsx";
import { useSpeech } from "../../i18n/language.tsx";
import { isRecordFiltered, type RecordFilter, readRecordFilter, writeRecordFilter } from "../../logic/record-filter.ts";
import { readTimeRange, widen, writeTimeRange } from "../../logic/time-range.ts";
import { CopyLine } from "../../parts/copy.tsx";
import { Empty } from "../../parts/empty.tsx";
import { ErrorNotice, Notice } from "../../parts/notice.tsx";
import { Page } from "../../parts/page.tsx";
import { LogFilterBar } from "./log-filter-bar.tsx";
import { LogList } from "./log-list.tsx";
import { useRecords } from "./use-records.ts";

/** What agents write that is no measurement: logs, events, objects, traces. Found, followed, opened. */
export function Screen() {
  const { say } = useSpeech();
  usePlace([{ label: say("frame.logs") }]);
  const clock = useServerClock();
  const [parameters, setParameters] = useSearchParams();
  const [wantsTail, setWantsTail] = useState(true);
  const filter = readRecordFilter(parameters);
  const range = readTimeRange(parameters);
  const follows = wantsTail && range.kind === "preset";
  const feed = useRecords(filter, range, follows);
  const change = (part: Partial<RecordFilter>) =>
    setParameters((old) => writeRecordFilter(old, part), { replace: true });
  const setRange = (next: typeof range) => setParameters((old) => writeTimeRange(old, next), { replace: true });
  return (
    <Page
      fill
      title={say("frame.logs")}
      actions={
        <Switch
          label={say("logs.follow")}
          checked={follows}
          disabled={range.kind === "custom"}
          onChange={(event) => setWantsTail(event.currentTarget.checked)}
        />
      }
    >
      <LogFilterBar filter={filter} change={change} range={range} setRange={setRange} />
      {feed.error && !feed.rows && <ErrorNotice error={feed.error} retry={feed.reload} />}
      {feed.isLost && <Notice tone="attention" title={say("logs.lost")} />}
      {!(feed.error && !feed.rows) && (
        <LogList
          key={parameters.toString()}
          feed={feed}
          wanted={filter.text}
          empty={<NoRecords filtered={isRecordFiltered(filter)} widen={() => setRange(widen(range, clock()))} />}
        />
      )}
    </Page>
  );
}

/** Nothing found: a wider span, or how anything gets here at all. */
function NoRecords({ filtered, widen }: { filtered: boolean; widen: () => void }) {
  const { say } = useSpeech();
  const operator = useMay("operator");
  const origin = globalThis.location.origin;
  const line = `curl -H 'X-Token: <${say("settings.enrollment")}>' --data-binary 'app,host=web-1 message="hello",status="info"' ${origin}/v1/write/logging`;
  return (
    <Empty title={say("logs.none")} text={say(filtered ? "logs.noneMatchText" : "logs.noneText")}>
      <Button variant="default" onClick={widen}>
        {say("time.widen")}
      </Button>
      {!filtered && (
        <>
          {operator && (
            <Link className="link" to="/agents/add-input?input=logging">
              {say("logs.collect")}
            </Link>
          )}
          <span className="dim">{say("logs.send")}</span>
          <CopyLine text={line} label={say("frame.logs")} />
        </>
      )}
    </Empty>
  );
}
