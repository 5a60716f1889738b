import { Button, Modal } from "@mantine/core";
import type { Agent, EnrollmentTokenCreated } from "@muster/core/resources";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { Link, useNavigate } from "react-router";
import { client } from "../../api/client.ts";
import { useServerClock } from "../../api/clock.tsx";
import { useLive } from "../../api/live.tsx";
import { usePlace } from "../../app/place.tsx";
import { useMay } from "../../app/session.tsx";
import { useSpeech } from "../../i18n/language.tsx";
import { CopyLine } from "../../parts/copy.tsx";
import { Mark } from "../../parts/mark.tsx";
import { ErrorNotice, Notice } from "../../parts/notice.tsx";
import { AgentState } from "../../parts/status.tsx";
import classes from "./add-host.module.css";

const TOKEN_DAYS = 7;

/** Adds a host with one copied line, waits for it and says what it waits for. Has an address of its own. */
export function Screen() {
  const { say } = useSpeech();
  usePlace([{ label: say("frame.agents"), to: "/agents" }, { label: say("addHost.title") }]);
  const navigate = useNavigate();
  const admin = useMay("admin");
  return (
    <Modal opened onClose={() => navigate("/agents")} title={say("addHost.title")} size={640}>
      {admin ? <AddHost /> : <Notice tone="attention" title={say("addHost.notAllowed")} />}
    </Modal>
  );
}

function AddHost() {
  const { say } = useSpeech();
  const clock = useServerClock();
  const [startedAt] = useState(clock);
  const create = useMutation({
    mutationFn: () =>
      client.enrollmentTokens.create({
        name: say("addHost.tokenName"),
        expiresAt: new Date(clock() + TOKEN_DAYS * 86_400_000).toISOString(),
      }),
  });
  if (create.error) return <ErrorNotice error={create.error} retry={() => create.mutate()} />;
  if (!create.data) {
    return (
      <div className={classes.steps}>
        <p>{say("addHost.intro", { days: TOKEN_DAYS })}</p>
        <div>
          <Button onClick={() => create.mutate()} loading={create.isPending} data-autofocus>
            {say("addHost.create")}
          </Button>
        </div>
      </div>
    );
  }
  return <Lines token={create.data} startedAt={startedAt} />;
}

function Lines({ token, startedAt }: { token: EnrollmentTokenCreated; startedAt: number }) {
  const { say } = useSpeech();
  const arrived = useArrivals(startedAt);
  const local = /^(127\.|localhost|\[::1\])/.test(location.host);
  return (
    <div className={classes.steps}>
      <section>
        <h3>{say("addHost.install")}</h3>
        <CopyLine text={token.installLine} label={say("addHost.install")} />
        <p className="dim">{say("addHost.installText")}</p>
      </section>
      <section>
        <h3>{say("addHost.agent")}</h3>
        <CopyLine text={token.agentLine} label={say("addHost.agent")} />
      </section>
      <p className="dim">{say("addHost.once")}</p>
      {local && (
        <Notice tone="attention" title={say("addHost.localTitle")}>
          {say("addHost.localText")}
        </Notice>
      )}
      <Waiting arrived={arrived} />
    </div>
  );
}

function Waiting({ arrived }: { arrived: readonly Agent[] }) {
  const { say } = useSpeech();
  return (
    <div className={classes.waiting} role="status">
      {arrived.length === 0 ? (
        <>
          <span className={classes.pulse} />
          <div>
            <strong>{say("addHost.waiting")}</strong>
            <div className="dim">{say("addHost.waitingFor")}</div>
          </div>
        </>
      ) : (
        <>
          <Mark tone="ok" shape="tick" size={16} />
          <div className={classes.arrived}>
            <strong>{say("addHost.arrived", { count: arrived.length })}</strong>
            {arrived.map((agent) => (
              <Link key={agent.id} to={`/agents/${agent.id}`} className={classes.agent}>
                <span className="link cut foreign">{agent.name}</span>
                <AgentState status={agent.status} reason={agent.statusReason} />
                <span className="dim cut foreign">{agent.os ?? ""}</span>
              </Link>
            ))}
          </div>
        </>
      )}
    </div>
  );
}

/** Agents that were first seen after the line was shown. */
function useArrivals(startedAt: number): readonly Agent[] {
  const queries = useQueryClient();
  const { data } = useQuery({
    queryKey: ["newest-agents"],
    queryFn: () => client.agents.list({ sort: "-firstSeenAt", limit: 20 }),
    refetchInterval: 5000,
  });
  useLive({ op: "fleet", agentIds: [] }, (event) => {
    if (event.event === "counts") void queries.invalidateQueries({ queryKey: ["newest-agents"] });
  });
  const arrived = (data?.items ?? []).filter((agent) => Date.parse(agent.firstSeenAt) >= startedAt - 1000);
  const count = arrived.length;
  useEffect(() => {
    if (count > 0) void queries.invalidateQueries({ queryKey: ["agents"] });
  }, [count, queries]);
  return arrived;
}
