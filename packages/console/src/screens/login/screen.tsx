import { Button, PasswordInput, TextInput } from "@mantine/core";
import { hasCode } from "@muster/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { useNavigate, useSearchParams } from "react-router";
import { client } from "../../api/client.ts";
import { meQuery } from "../../api/queries.ts";
import { useSpeech } from "../../i18n/language.tsx";
import { ErrorNotice, Notice } from "../../parts/notice.tsx";
import mark from "../../theme/muster.svg";
import classes from "./login.module.css";

/** Who are you? Afterwards one is where one wanted to go. */
export function Screen() {
  const { say, language, setLanguage } = useSpeech();
  const [username, setUsername] = useState("");
  const [password, setPassword] = useState("");
  const login = useLogin();
  const other = language === "en" ? "zh" : "en";
  useEffect(() => {
    document.title = `${say("login.title")} · Muster`;
  }, [say]);
  return (
    <main className={classes.page}>
      <form
        className={classes.box}
        onSubmit={(event) => {
          event.preventDefault();
          login.mutate({ username, password });
        }}
      >
        <div className={classes.mark}>
          <img src={mark} alt="" width={32} height={32} />
          <h1>Muster</h1>
        </div>
        <TextInput
          label={say("login.username")}
          name="username"
          autoComplete="username"
          autoCapitalize="none"
          spellCheck={false}
          autoFocus
          required
          withAsterisk={false}
          value={username}
          onChange={(event) => setUsername(event.currentTarget.value)}
        />
        <PasswordInput
          label={say("login.password")}
          name="password"
          autoComplete="current-password"
          required
          withAsterisk={false}
          value={password}
          onChange={(event) => setPassword(event.currentTarget.value)}
        />
        {login.error && <LoginError error={login.error} />}
        <Button type="submit" loading={login.isPending} fullWidth>
          {say("login.submit")}
        </Button>
        <p className={classes.hint}>{say("login.hint")}</p>
      </form>
      <Button variant="subtle" color="gray" size="xs" onClick={() => setLanguage(other)}>
        {say(`frame.language.${other}`)}
      </Button>
    </main>
  );
}

function LoginError({ error }: { error: unknown }) {
  const { say } = useSpeech();
  if (hasCode(error, "unauthenticated")) return <Notice tone="wrong" title={say("login.wrong")} />;
  if (hasCode(error, "resource_exhausted")) {
    return (
      <Notice tone="attention" title={say("login.tooMany")}>
        {say("login.tooManyText")}
      </Notice>
    );
  }
  return <ErrorNotice error={error} />;
}

function useLogin() {
  const navigate = useNavigate();
  const queries = useQueryClient();
  const [parameters] = useSearchParams();
  return useMutation({
    mutationFn: (who: { username: string; password: string }) => client.session.login(who.username, who.password),
    onSuccess: ({ principal }) => {
      queries.clear();
      queries.setQueryData(meQuery.queryKey, principal);
      const next = parameters.get("next") ?? "/";
      // only a path of ours: "//host" and absolute addresses lead elsewhere
      void navigate(/^\/(?![/\\])/.test(next) ? next : "/", { replace: true });
    },
  });
}
