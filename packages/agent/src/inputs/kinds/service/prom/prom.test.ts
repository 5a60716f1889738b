import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { makeTempDir, missingPrometheus, startPrometheus, unlessMissing } from "@muster/testing";
import { rowsOf, tryKind } from "../../shared/kinds-for-test.ts";
import { findDeadPlace, serveHttp, serveTls } from "../fakes-for-test.ts";
import { nameMetric } from "./names.ts";
import { prom } from "./prom.ts";

const PLAIN = { "content-type": "text/plain; version=0.0.4" };

test("names: the first underscore splits, a prefix rule or one name for all goes first", () => {
  const none = { measurement_prefix: "", measurement_name: "", measurements: [] };
  assert.deepEqual(nameMetric("http_requests_total", none), { measurement: "http", field: "requests_total" });
  assert.deepEqual(nameMetric("up", none), { measurement: "up", field: "up" });
  assert.deepEqual(nameMetric("_x", none), { measurement: "_x", field: "_x" });
  assert.deepEqual(nameMetric("x_", { ...none, measurement_prefix: "app_" }), { measurement: "app_x_", field: "x_" });
  const byPrefix = {
    ...none,
    measurements: [
      { prefix: "node_cpu_", name: "cpus" },
      { prefix: "node_", name: "" },
    ],
  };
  assert.deepEqual(nameMetric("node_cpu_seconds_total", byPrefix), { measurement: "cpus", field: "seconds_total" });
  assert.deepEqual(nameMetric("node_load1", byPrefix), { measurement: "node", field: "load1" });
  assert.deepEqual(nameMetric("a_b", { ...none, measurement_name: "all" }), { measurement: "all", field: "a_b" });
});

test("samples with the same tags and time become one point; histograms keep le, summaries quantile", async (context) => {
  const text = `# TYPE http_requests_total counter
http_requests_total{code="200"} 5
http_errors_total{code="200"} 1
# TYPE http_wait_seconds histogram
http_wait_seconds_bucket{le="0.5"} 3
http_wait_seconds_bucket{le="+Inf"} 4
http_wait_seconds_sum 1.5
http_wait_seconds_count 4
http_timed 7 1700000000000
http_nothing NaN
`;
  const url = await serveHttp(context, (_request, response) => response.writeHead(200, PLAIN).end(text));
  const trial = await tryKind(context, prom, { options: { urls: [`${url}/metrics`], disable_instance_tag: true } });
  await trial.collect();
  assert.deepEqual(rowsOf(trial.points, "http"), [
    { code: "200", requests_total: 5, errors_total: 1 },
    { le: "0.5", wait_seconds_bucket: 3 },
    { le: "+Inf", wait_seconds_bucket: 4 },
    { wait_seconds_sum: 1.5, wait_seconds_count: 4 },
    { timed: 7 },
  ]);
  assert.equal(trial.points[4]?.timeNs, 1_700_000_000_000_000_000n);
  assert.deepEqual(trial.troubles, [null]);
});

test("options choose by name, type and label, and rename tags", async (context) => {
  const text = `# TYPE app_a counter
app_a{device="sda",pod_uid="1",pod="p"} 1
app_a{device="loop0",pod="p"} 2
# TYPE app_b gauge
app_b 3
# TYPE go_gc counter
go_gc 4
`;
  const url = await serveHttp(context, (_request, response) => response.writeHead(200, PLAIN).end(text));
  const options = {
    urls: [url],
    metric_types: ["counter"],
    metric_name_filter_ignore: ["^go_"],
    tags_ignore: ["pod_uid"],
    tags_rename: { pod: "kubernetes_pod" },
    ignore_tag_kv: { device: ["^loop"] },
  };
  const trial = await tryKind(context, prom, { options });
  await trial.collect();
  const [row, ...others] = trial.points.map(({ tags, fields }) => ({ ...tags, ...fields }));
  assert.deepEqual(row, { instance: new URL(url).host, device: "sda", kubernetes_pod: "p", a: 1 });
  assert.equal(others.length, 0);
});

test("gzip is unpacked, the token is sent, redirects to another server get none of it", async (context) => {
  const seen: (string | undefined)[] = [];
  const target = await serveHttp(context, (request, response) => {
    seen.push(request.headers.authorization);
    response.writeHead(200, { ...PLAIN, "content-encoding": "gzip" }).end(gzipSync("x_y 1\n"));
  });
  const url = await serveHttp(context, (request, response) => {
    seen.push(request.headers.authorization);
    response.writeHead(302, { location: target }).end();
  });
  const trial = await tryKind(context, prom, { options: { urls: [url, target], bearer_token: "s3cret-token" } });
  await trial.collect();
  assert.deepEqual(seen.sort(), ["Bearer s3cret-token", "Bearer s3cret-token", undefined]);
  assert.equal(trial.points.length, 2);
});

test("a token's file is read at each scrape, and its content is never told", async (context) => {
  const file = join(await makeTempDir(context), "token");
  const seen: (string | undefined)[] = [];
  const url = await serveHttp(context, (request, response) => {
    seen.push(request.headers.authorization);
    response.writeHead(200, PLAIN).end("x_y 1\n");
  });
  const trial = await tryKind(context, prom, { options: { urls: [url], bearer_token_file: file } });
  await trial.collect();
  await writeFile(file, "first\n");
  await trial.collect();
  await writeFile(file, "second-secret\nwith a line more");
  await trial.collect();
  assert.deepEqual(seen, ["Bearer first"]);
  assert.equal(trial.troubles[0], `"bearer_token_file": ${file} is not there`);
  const endless = await tryKind(context, prom, { options: { urls: [url], bearer_token_file: "/dev/zero" } });
  await endless.collect();
  assert.equal(endless.troubles[0], '"bearer_token_file": /dev/zero is no file');
  assert.equal(trial.troubles[1], null);
  assert.match(trial.troubles[2] ?? "", /Invalid character in header/);
  assert.doesNotMatch(trial.troubles[2] ?? "", /second-secret/);
});

test("what cannot be scraped is told in words, costs no other target and shows no password", async (context) => {
  const good = await serveHttp(context, (_request, response) => response.writeHead(200, PLAIN).end("x_y 1\n<html>\n"));
  const large = await serveHttp(context, (_request, response) => {
    response.writeHead(200, { ...PLAIN, "content-encoding": "gzip" }).end(gzipSync("#".repeat(100_000)));
  });
  const denied = await serveHttp(context, (_request, response) => response.writeHead(401).end());
  const silent = await serveHttp(context, () => {});
  const dead = await findDeadPlace();
  const host = new URL(denied).host;
  const options = {
    urls: [good, large, `http://me:hunter22@${host}/m`, silent, `http://${dead}/metrics`],
    max_body_size: 4096,
    timeout: "300ms",
  };
  const trial = await tryKind(context, prom, { options });
  await trial.collect();
  const [trouble] = trial.troubles;
  assert.equal(trial.points.length, 1);
  assert.match(trouble ?? "", /1 line could not be read, the first is line 2: "" is no name/);
  assert.match(trouble ?? "", /answered with more than 4096 bytes/);
  assert.match(trouble ?? "", new RegExp(`http://${host}/m answered with status 401`));
  assert.match(trouble ?? "", /no answer from http:\/\/127\.0\.0\.1:\d+\/ within 0\.3 s/);
  assert.match(trouble ?? "", new RegExp(`connection refused at http://${dead}/metrics`));
  assert.doesNotMatch(trouble ?? "", /hunter22/);
});

test("TLS: a strange certificate is refused, an authority of one's own or a flag lets it in", async (context) => {
  const { url, certPath } = await serveTls(context, (_request, response) =>
    response.writeHead(200, PLAIN).end("x_y 1\n"),
  );
  const strict = await tryKind(context, prom, { options: { urls: [url] } });
  await strict.collect();
  assert.match(
    strict.troubles[0] ?? "",
    /^the certificate of https:\/\/localhost:\d+\/ is signed by itself and not trusted$/,
  );
  for (const options of [{ tls_ca: certPath }, { insecure_skip_verify: true }]) {
    const trial = await tryKind(context, prom, { options: { urls: [url], ...options } });
    await trial.collect();
    assert.deepEqual([trial.points.length, trial.troubles], [1, [null]]);
  }
  const missing = tryKind(context, prom, { options: { urls: [url], tls_ca: "/nonexistent/ca.pem" } });
  await assert.rejects(missing, /"tls_ca": \/nonexistent\/ca\.pem is not there/);
});

test("a real Prometheus is scraped without a bad line", unlessMissing(missingPrometheus()), async (context) => {
  const store = await startPrometheus(context);
  const trial = await tryKind(context, prom, { options: { urls: [`${store.url}/metrics`] } });
  await trial.collect();
  assert.deepEqual(trial.troubles, [null]);
  const build = rowsOf(trial.points, "prometheus").find((row) => "build_info" in row);
  assert.equal(build?.build_info, 1);
  assert.equal(build?.instance, `127.0.0.1:${store.port}`);
  assert.ok(
    rowsOf(trial.points, "prometheus").some((row) => "http_request_duration_seconds_bucket" in row && "le" in row),
  );
});
