import assert from "node:assert/strict";
import { test } from "node:test";
import { findUndescribed, rowsOf, tryKind } from "../../shared/kinds-for-test.ts";
import { findDeadPlace, serveHttp, serveTls } from "../fakes-for-test.ts";
import { httpCheck } from "./http-check.ts";

test("an answer is measured by phases and held against status and body", async (context) => {
  const url = await serveHttp(context, (request, response) => {
    response.statusCode = request.url === "/gone" ? 410 : 200;
    response.end(request.method === "POST" ? "posted" : "all is well");
  });
  const trial = await tryKind(context, httpCheck, {
    options: { urls: [`${url}/a?secret=1`, `${url}/gone`], response_string_match: "is w.ll" },
  });
  await trial.collect();
  const rows = rowsOf(trial.points, "http_check").sort((a, b) => String(a.url).localeCompare(String(b.url)));
  const [good, gone] = rows;
  assert.deepEqual([good?.url, good?.result, good?.status_code, good?.success], [`${url}/a`, "success", "200", 1n]);
  assert.deepEqual([good?.body_match, good?.status_match, good?.content_length], [1n, 1n, 11n]);
  for (const phase of ["connect_time", "first_byte_time", "download_time", "response_time"]) {
    assert.ok(Number(good?.[phase]) >= 0, phase);
  }
  assert.deepEqual([gone?.result, gone?.success, gone?.error], ["mismatch", 0n, "status 410"]);
  assert.deepEqual(findUndescribed(httpCheck, trial.points), []);
});

test("methods, bodies, wanted statuses and redirects", async (context) => {
  const seen: string[] = [];
  const url = await serveHttp(context, (request, response) => {
    seen.push(`${request.method} ${request.url}`);
    if (request.url === "/old") response.writeHead(302, { location: "/new" }).end();
    else request.on("data", (piece) => seen.push(String(piece))).on("end", () => response.writeHead(201).end());
  });
  const posted = { urls: [url], method: "POST", body: "hello", response_status_code: 201 };
  const moved = { urls: [`${url}/old`], follow_redirects: true };
  const still = { urls: [`${url}/old`], response_status_code: 302 };
  for (const options of [posted, moved, still]) {
    const trial = await tryKind(context, httpCheck, { options });
    await trial.collect();
    assert.equal(trial.points[0]?.tags.result, "success", JSON.stringify(options));
  }
  assert.deepEqual(seen, ["POST /", "hello", "GET /old", "GET /new", "GET /old"]);
});

test("an answer without a body may say that it is packed", async (context) => {
  const url = await serveHttp(context, (_request, response) =>
    response.writeHead(200, { "content-encoding": "gzip" }).end(),
  );
  const trial = await tryKind(context, httpCheck, { options: { urls: [url], method: "HEAD" } });
  await trial.collect();
  assert.deepEqual([trial.points[0]?.tags.result, trial.points[0]?.fields.content_length], ["success", 0n]);
});

test("TLS: until when the certificate holds; one that is not trusted is a result of its own", async (context) => {
  const { url, certPath } = await serveTls(context, (_request, response) => response.end("ok"));
  const trusted = await tryKind(context, httpCheck, { options: { urls: [url], tls_ca: certPath } });
  await trusted.collect();
  const expiresIn = Number(trusted.points[0]?.fields.certificate_expires_in);
  assert.ok(expiresIn > 86_000 && expiresIn <= 86_400, String(expiresIn));
  assert.ok(Number(trusted.points[0]?.fields.tls_time) > 0);
  const strict = await tryKind(context, httpCheck, { options: { urls: [url] } });
  await strict.collect();
  assert.deepEqual([strict.points[0]?.tags.result, strict.points[0]?.fields.result_code], ["tls", 5n]);
});

test("whoever refuses or says nothing is a point with the reason, and no trouble of the input", async (context) => {
  const silent = await serveHttp(context, () => {});
  const dead = await findDeadPlace();
  const urls = [`http://${dead}/x`, silent, "http://nowhere.invalid/"];
  const trial = await tryKind(context, httpCheck, { options: { urls, timeout: "400ms", password: "hunter22" } });
  await trial.collect();
  const results = Object.fromEntries(
    rowsOf(trial.points, "http_check").map((row) => [row.url, [row.result, row.error]]),
  );
  assert.deepEqual(results[`http://${dead}/x`], ["refused", `connection refused at http://${dead}/x`]);
  assert.deepEqual(results[`${silent}/`], ["timeout", `no answer from ${silent}/ within 0.4 s`]);
  assert.notEqual(results["http://nowhere.invalid/"]?.[0], "success");
  assert.deepEqual(trial.troubles, []);
});

test("a body that was made to be slow to match holds nobody up", async (context) => {
  const url = await serveHttp(context, (_request, response) => response.end("status".repeat(150_000)));
  const trial = await tryKind(context, httpCheck, { options: { urls: [url], response_string_match: "status.*ok" } });
  await trial.collect();
  const [row] = rowsOf(trial.points, "http_check");
  assert.deepEqual([row?.result, row?.error], ["mismatch", "the body takes longer than 250 ms to match"]);
});
