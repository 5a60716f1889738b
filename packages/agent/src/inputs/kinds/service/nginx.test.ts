import assert from "node:assert/strict";
import { test } from "node:test";
import { missingNginx, startNginx, unlessMissing } from "@muster/testing";
import { findUndescribed, rowsOf, tryKind } from "../shared/kinds-for-test.ts";
import { findDeadPlace, serveHttp } from "./fakes-for-test.ts";
import { nginx } from "./nginx.ts";

const STATUS = "location = /status { stub_status; } location / { return 204; }";

test("a real nginx: requests are counted, and its end is a trouble", unlessMissing(missingNginx()), async (context) => {
  const server = await startNginx(context, STATUS);
  const trial = await tryKind(context, nginx, { options: { urls: [`${server.url}/status`] } });
  await trial.collect();
  for (let request = 0; request < 5; request++) await (await fetch(`${server.url}/x`)).arrayBuffer();
  await trial.collect();
  const [before, after] = rowsOf(trial.points, "nginx");
  // five of ours and the one that read the page
  assert.equal(Number(after?.connection_requests) - Number(before?.connection_requests), 6);
  assert.ok(Number(after?.connection_active) >= 1);
  assert.deepEqual([after?.nginx_server, after?.nginx_port], ["127.0.0.1", String(server.port)]);
  assert.deepEqual(findUndescribed(nginx, trial.points), []);
  await server.process.stop("SIGKILL");
  await trial.collect();
  assert.deepEqual(trial.troubles, [null, null, `connection refused at ${server.url}/status`]);
});

test("vhost_traffic_status: connections, servers, upstreams and caches", async (context) => {
  const zone = {
    requestCounter: 7,
    inBytes: 100,
    outBytes: 2000,
    responses: { "2xx": 6, "5xx": 1, hit: 3 },
    responseMsec: 12,
  };
  const status = {
    nginxVersion: "1.22.1",
    connections: { active: 2, reading: 0, writing: 1, waiting: 1, accepted: 9, handled: 9, requests: 20 },
    serverZones: { "shop.example": zone, "*": zone },
    upstreamZones: { backend: [{ server: "10.0.0.1:80", ...zone, down: false }] },
    cacheZones: { pages: { maxSize: 1000, usedSize: 10, inBytes: 1, outBytes: 2, responses: { hit: 3 } } },
  };
  const url = await serveHttp(context, (_request, response) => response.end(JSON.stringify(status)));
  const trial = await tryKind(context, nginx, { options: { urls: [url] } });
  await trial.collect();
  assert.deepEqual(findUndescribed(nginx, trial.points), []);
  assert.equal(rowsOf(trial.points, "nginx")[0]?.connection_accepts, 9n);
  const [shop] = rowsOf(trial.points, "nginx_server_zone");
  assert.deepEqual([shop?.server_zone, shop?.request_count, shop?.response_5xx], ["shop.example", 7n, 1n]);
  const [peer] = rowsOf(trial.points, "nginx_upstream_zone");
  assert.deepEqual([peer?.upstream_server, peer?.is_down, peer?.response_time], ["10.0.0.1:80", 0n, 0.012]);
  assert.equal(rowsOf(trial.points, "nginx_cache_zone")[0]?.used_size, 10n);
});

test("NGINX Plus: its API below the address of a version", async (context) => {
  const api: Readonly<Record<string, unknown>> = {
    "/api/9/connections": { accepted: 9, dropped: 1, active: 3, idle: 2 },
    "/api/9/http/requests": { total: 40, current: 1 },
    "/api/9/http/server_zones": { shop: { requests: 7, responses: { "2xx": 6, "5xx": 1 }, received: 10, sent: 20 } },
    "/api/9/http/upstreams": {
      backend: { peers: [{ server: "10.0.0.1:80", state: "unavail", requests: 2, response_time: 12 }] },
    },
  };
  const url = await serveHttp(context, (request, response) =>
    response.end(JSON.stringify(api[request.url ?? ""] ?? null)),
  );
  const trial = await tryKind(context, nginx, { options: { urls: [`${url}/api/9`], format: "plus" } });
  await trial.collect();
  assert.deepEqual(trial.troubles, [null]);
  assert.deepEqual(findUndescribed(nginx, trial.points), []);
  const [row] = rowsOf(trial.points, "nginx");
  assert.deepEqual([row?.connection_accepts, row?.connection_dropped, row?.connection_requests], [9n, 1n, 40n]);
  const [shop] = rowsOf(trial.points, "nginx_server_zone");
  assert.deepEqual([shop?.server_zone, shop?.request_count, shop?.response_2xx, shop?.send], ["shop", 7n, 6n, 20n]);
  const [peer] = rowsOf(trial.points, "nginx_upstream_zone");
  assert.deepEqual([peer?.upstream_server, peer?.is_down, peer?.response_time], ["10.0.0.1:80", 1n, 0.012]);
  const other = await tryKind(context, nginx, { options: { urls: [`${url}/api/1`], format: "plus" } });
  await other.collect();
  assert.deepEqual(other.troubles, [`${url}/api/1 is no API of NGINX Plus`]);
});

test("what is no status page is said so, beside what can be read", async (context) => {
  const page = "Active connections: 1 \nserver accepts handled requests\n 5 5 6 \nReading: 0 Writing: 1 Waiting: 0 \n";
  const good = await serveHttp(context, (_request, response) => response.end(page));
  const other = await serveHttp(context, (request, response) => {
    response.end(request.url === "/json" ? '{"a":1}' : "<html>welcome</html>");
  });
  const dead = await findDeadPlace();
  const urls = [good, `${other}/`, `${other}/json`, `http://${dead}/`];
  const trial = await tryKind(context, nginx, { options: { urls } });
  await trial.collect();
  assert.equal(rowsOf(trial.points, "nginx")[0]?.connection_requests, 6n);
  const trouble = trial.troubles[0] ?? "";
  assert.match(trouble, /\/ is no page of stub_status/);
  assert.match(trouble, /\/json is no status of the module vhost_traffic_status/);
  assert.match(trouble, new RegExp(`connection refused at http://${dead}/`));
});
