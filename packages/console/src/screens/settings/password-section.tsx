import { Button, PasswordInput } from "@mantine/core";
import { hasCode } from "@muster/core";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { client } from "../../api/client.ts";
import { useSpeech } from "../../i18n/language.tsx";
import { ErrorNotice, Notice } from "../../parts/notice.tsx";
import classes from "./settings.module.css";

const PASSWORD_LENGTH = 12;

/** One's own password. */
export function PasswordSection() {
  const { say } = useSpeech();
  const [current, setCurrent] = useState("");
  const [next, setNext] = useState("");
  const [again, setAgain] = useState("");
  const change = useMutation({
    mutationFn: () => client.session.changePassword(current, next),
    onSuccess: () => {
      setCurrent("");
      setNext("");
      setAgain("");
    },
  });
  const valid = current !== "" && next.length >= PASSWORD_LENGTH && next === again;
  const refused = hasCode(change.error, "unauthenticated") || hasCode(change.error, "permission_denied");
  return (
    <form
      className={classes.narrow}
      onSubmit={(event) => {
        event.preventDefault();
        if (valid) change.mutate();
      }}
    >
      <PasswordInput
        label={say("password.current")}
        value={current}
        autoComplete="current-password"
        error={refused && say("password.wrong")}
        onChange={(event) => setCurrent(event.currentTarget.value)}
      />
      <PasswordInput
        label={say("password.next")}
        description={say("password.rule", { count: PASSWORD_LENGTH })}
        value={next}
        autoComplete="new-password"
        onChange={(event) => setNext(event.currentTarget.value)}
      />
      <PasswordInput
        label={say("password.again")}
        value={again}
        autoComplete="new-password"
        error={again !== "" && again !== next && say("password.differs")}
        onChange={(event) => setAgain(event.currentTarget.value)}
      />
      {change.error && !refused && <ErrorNotice error={change.error} />}
      {change.isSuccess && <Notice tone="ok" title={say("password.changed")} />}
      <div>
        <Button type="submit" disabled={!valid} loading={change.isPending}>
          {say("password.change")}
        </Button>
      </div>
    </form>
  );
}
