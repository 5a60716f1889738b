import assert from "node:assert/strict";
import { test } from "node:test";
import {
  EraBDatakit,
  missingNats,
  missingPostgres,
  type RunningServer,
  startAgent,
  startNats,
  startPostgres,
  startServer,
  unlessMissing,
  waitUntil,
} from "@muster/testing";

// biome-ignore lint/suspicious/noExplicitAny: answers of the web are looked into as they come
type AnyAnswer = any;

const CPU = "[[inputs.cpu]]\n  interval = '10s'\n";

test("two gateways are one: the web asks either, and sees which one holds the DataKit", {
  timeout: 240_000,
  ...unlessMissing(missingPostgres() ?? missingNats()),
}, async (context) => {
  const [postgres, nats] = await Promise.all([startPostgres(context), startNats(context)]);
  const database = await postgres.createDatabase(context);
  const flags = ["--database", database, "--bus", nats.url, "--log-level", "warn"];
  const [left, right] = await Promise.all([startServer(context, { flags }), startServer(context, { flags })]);
  // our own agent as a DataKit, and one of the winter of 2020
  const agent = await startAgent(context, right, { id: "dkid_ours", flags: ["--protocol", "dataway"] });
  const gatewayUrl = right.url.replace("http", "ws");
  const old = await new EraBDatakit({ gatewayUrl, id: "dkid_old", token: right.enrollmentToken }).connect();
  context.after(() => old.vanish());

  for (const id of ["dkid_ours", "dkid_old"]) {
    const datakit = await waitUntil(
      `${id} to be online`,
      async () => {
        const { body } = await ask(left, "GET", `/${id}`);
        return body.content?.status === "online" && body.content;
      },
      { timeoutMs: 30_000, everyMs: 100, explain: () => agent.process.describe() },
    );
    assert.match(datakit.gateway.place, new RegExp(`process ${right.process.pid}$`));
    const available = await waitUntil(`what ${id} offers`, async () => {
      const { body } = await ask(left, "GET", `/${id}/inputs/available`);
      return body.content?.length > 0 && body.content;
    });
    assert.ok(available.some(({ input }: { input: string }) => input === "cpu"));
    assert.match((await ask(left, "GET", `/${id}/samples/cpu`)).body.content.toml, /\[\[inputs\.cpu\]\]/);

    // two requests at two gateways for the same thing: one of them wins
    const both = await Promise.all(
      [left, right].map((server) => ask(server, "POST", `/${id}/inputs`, { input: "cpu", toml: CPU })),
    );
    assert.deepEqual(both.map(({ status }) => status).sort(), [201, 409], JSON.stringify(both.map(({ body }) => body)));
    const inputId = both.find(({ status }) => status === 201)?.body.id;
    const isRunning = async () => {
      const { body } = await ask(left, "GET", `/${id}/inputs`);
      return body.content.some((input: AnyAnswer) => input.id === inputId && input.status === "running");
    };
    await waitUntil("it to run", isRunning);
    const broken = await ask(left, "PUT", `/${id}/inputs/${inputId}`, { toml: "[[inputs.cpu]]\n  interval = \n" });
    assert.deepEqual([broken.status, broken.body.code, broken.body.line], [400, "datakit.invalidConfig", 2]);
    assert.equal((await ask(left, "POST", `/${id}/inputs/disable`, { ids: [inputId] })).status, 200);
    assert.equal((await ask(right, "GET", `/${id}/inputs/${inputId}`)).body.content.status, "disabled");
    assert.equal((await ask(left, "DELETE", `/${id}/inputs/${inputId}`)).status, 200);
  }
  await right.process.stop("SIGKILL");
  const lost = await ask(left, "GET", "/dkid_old/samples/cpu");
  assert.ok([404, 502].includes(lost.status), JSON.stringify(lost));
});

async function ask(server: RunningServer, method: string, path: string, body?: unknown) {
  const response = await fetch(`${server.url}/v1/datakits${path}`, {
    method,
    headers: { "x-token": server.apiToken },
    body: body === undefined ? null : JSON.stringify(body),
  });
  return { status: response.status, body: (await response.json()) as AnyAnswer };
}
