import { Kbd, Modal } from "@mantine/core";
import type { PlainTextKey } from "../i18n/dictionary.ts";
import { useSpeech } from "../i18n/language.tsx";
import { DESTINATIONS } from "./places.ts";
import { useMay } from "./session.tsx";
import classes from "./shortcut-list.module.css";

const EVERYWHERE: readonly [keys: string, label: PlainTextKey][] = [
  ["⌘ K", "shortcuts.palette"],
  ["/", "shortcuts.search"],
  ["g n", "shortcuts.newCommand"],
  ["g i", "shortcuts.addInput"],
  ["⌘ S", "shortcuts.save"],
  ["?", "shortcuts.list"],
];

const TABLES: readonly [keys: string, label: PlainTextKey][] = [
  ["↑ ↓", "shortcuts.move"],
  ["Enter", "shortcuts.open"],
  ["x", "shortcuts.select"],
  ["Shift ↑ ↓", "shortcuts.extend"],
  ["Esc", "shortcuts.clear"],
];

/** Every key that does something. */
export function ShortcutList({ close }: { close: () => void }) {
  const { say } = useSpeech();
  const admin = useMay("admin");
  return (
    <Modal opened onClose={close} title={say("shortcuts.title")} size="lg">
      <div className={classes.columns}>
        <KeyTable title={say("shortcuts.everywhere")} rows={EVERYWHERE} />
        <KeyTable
          title={say("shortcuts.jumps")}
          rows={DESTINATIONS.filter((place) => place.role !== "admin" || admin).map((place) => [
            `g ${place.jump}`,
            place.label,
          ])}
        />
        <KeyTable title={say("shortcuts.tables")} rows={TABLES} />
      </div>
    </Modal>
  );
}

function KeyTable({ title, rows }: { title: string; rows: readonly (readonly [string, PlainTextKey])[] }) {
  const { say } = useSpeech();
  return (
    <section>
      <h3 className={classes.title}>{title}</h3>
      <dl className={classes.keys}>
        {rows.map(([keys, label]) => (
          <div key={keys} className={classes.row}>
            <dt>{say(label)}</dt>
            <dd>
              {keys.split(" ").map((key) => (
                <Kbd key={key} size="xs">
                  {key}
                </Kbd>
              ))}
            </dd>
          </div>
        ))}
      </dl>
    </section>
  );
}
