import { Button } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { useSpeech } from "../../i18n/language.tsx";
import { Confirm } from "../../parts/confirm.tsx";
import classes from "./settings.module.css";

/** A list of settings: what it is for, a way to add, the entries. */
export function SettingsList(props: {
  text: string;
  action?: ReactNode;
  none: string;
  children: readonly ReactNode[] | undefined;
}) {
  const { text, action, none, children } = props;
  return (
    <div className={classes.section}>
      <div className={classes.head}>
        <p>{text}</p>
        {action}
      </div>
      <div className={classes.list}>
        {children?.length === 0 ? <div className={classes.none}>{none}</div> : children}
      </div>
    </div>
  );
}

export function SettingsEntry(props: { name: ReactNode; facts: ReactNode; actions?: ReactNode }) {
  return (
    <div className={classes.entry}>
      <div className={classes.name}>
        <div className="foreign">{props.name}</div>
        <div className={classes.facts}>{props.facts}</div>
      </div>
      {props.actions && <div className={classes.actions}>{props.actions}</div>}
    </div>
  );
}

/** A button that takes something away for good, after asking. */
export function RemoveButton(props: {
  word: string;
  title: string;
  text: string;
  queryKey: readonly unknown[];
  remove: () => Promise<void>;
}) {
  const { say } = useSpeech();
  const queries = useQueryClient();
  const [asking, setAsking] = useState(false);
  const remove = useMutation({
    mutationFn: props.remove,
    onSuccess: () => {
      setAsking(false);
      void queries.invalidateQueries({ queryKey: props.queryKey });
    },
  });
  return (
    <>
      <Button size="xs" variant="subtle" color="gray" onClick={() => setAsking(true)}>
        {props.word}
      </Button>
      {asking && (
        <Confirm
          title={props.title}
          action={props.word}
          error={remove.error}
          busy={remove.isPending}
          onConfirm={() => remove.mutate()}
          onClose={() => setAsking(false)}
        >
          {props.text || say("confirm.cannotUndo")}
        </Confirm>
      )}
    </>
  );
}
