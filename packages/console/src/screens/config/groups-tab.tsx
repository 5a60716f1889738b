import { Button } from "@mantine/core";
import type { Config } from "@muster/core/resources";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Link } from "react-router";
import { client } from "../../api/client.ts";
import { refreshConfigs } from "../../api/config-queries.ts";
import { useMay } from "../../app/session.tsx";
import { useSpeech } from "../../i18n/language.tsx";
import { Confirm } from "../../parts/confirm.tsx";
import { Empty } from "../../parts/empty.tsx";
import { Mark } from "../../parts/mark.tsx";
import classes from "./config.module.css";

type GivenGroup = Config["groups"][number];

/** Who has which revision, in the order in which groups decide. */
export function GroupsTab({ config }: { config: Config }) {
  const { say } = useSpeech();
  const operator = useMay("operator");
  const base = `/configs/${encodeURIComponent(config.id)}`;
  const give = operator && (
    <Button component={Link} to={`${base}/give`}>
      {say("configs.give")}
    </Button>
  );
  if (config.groups.length === 0) {
    return (
      <Empty title={say("configs.givenToNobody")} text={say("configs.givenToNobodyText")}>
        {give}
      </Empty>
    );
  }
  return (
    <>
      <p className={classes.hint}>
        {config.groups.length > 1 ? say("configs.orderText") : say("configs.oneGroupText")}
      </p>
      <ol className={classes.order}>
        {config.groups.map((group, index) => (
          <li key={group.id}>
            <span className={`${classes.place} figures`}>{index + 1}.</span>
            <Link className={`${classes.group} link cut foreign`} to={`/groups/${encodeURIComponent(group.id)}`}>
              {group.name}
            </Link>
            <Behind config={config} group={group} />
            {operator && <GroupActions config={config} group={group} />}
          </li>
        ))}
      </ol>
    </>
  );
}

function Behind({ config, group }: { config: Config; group: GivenGroup }) {
  const { say } = useSpeech();
  const behind = group.revision < config.revision;
  const words = say("inputs.revisionOf", { revision: group.revision });
  return (
    <span className="figures">
      <Mark tone={behind ? "attention" : "ok"} shape={behind ? "triangle" : "tick"} />{" "}
      {behind ? (
        <Link
          className="link"
          to={`/configs/${encodeURIComponent(config.id)}/revisions?from=${group.revision}&to=${config.revision}`}
          title={say("configs.seeDifference")}
        >
          {say("configs.behind", { revision: group.revision, newest: config.revision })}
        </Link>
      ) : (
        words
      )}
    </span>
  );
}

function GroupActions({ config, group }: { config: Config; group: GivenGroup }) {
  const { say } = useSpeech();
  const queries = useQueryClient();
  const [asking, setAsking] = useState(false);
  const take = useMutation({
    mutationFn: () => client.configs.unassign(config.id, group.id),
    onSuccess: () => {
      setAsking(false);
      void refreshConfigs(queries);
    },
  });
  return (
    <span className={classes.choices}>
      {group.revision < config.revision && (
        <Button
          size="xs"
          variant="default"
          component={Link}
          to={`/configs/${encodeURIComponent(config.id)}/give?revision=${config.revision}&group=${encodeURIComponent(group.id)}`}
        >
          {say("configs.giveRevision", { revision: config.revision })}
        </Button>
      )}
      <Button size="xs" variant="subtle" color="gray" onClick={() => setAsking(true)}>
        {say("configs.takeAway")}
      </Button>
      {asking && (
        <Confirm
          title={say("configs.takeAwayTitle", { name: config.name, group: group.name })}
          action={say("configs.takeAway")}
          type={{ what: group.name, label: say("confirm.typeName", { name: group.name }) }}
          error={take.error}
          busy={take.isPending}
          onConfirm={() => take.mutate()}
          onClose={() => setAsking(false)}
        >
          {say("configs.takeAwayText")}
        </Confirm>
      )}
    </span>
  );
}
