import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { systemClock } from "@muster/core";
import { DatawayBackend } from "./dataway-backend.ts";

test("a place that answers 200 to everything lets nobody in", async (scope) => {
  let body = "";
  const server = createServer((_, response) => response.end(body));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const backend = new DatawayBackend({ url, token: undefined, gatewayId: "agnt_x", version: "0", clock: systemClock });
  scope.after(() => {
    backend.close();
    server.close();
    server.closeAllConnections();
  });
  const asked = {
    token: "made-up",
    action: "inputs.write",
    method: "POST",
    path: "/v1/datakits/x/inputs",
    datakit: "x",
  };
  const verdicts = async () => [(await backend.checkWeb(asked)).verdict, await backend.checkToken("made-up")];
  for (body of ["<!doctype html><title>Log in</title>", "ok", "[]", '"yes"']) {
    assert.deepEqual(await verdicts(), ["unknown", "unknown"], body);
  }
  // of a token a bare 200 has always been a yes
  for (body of ["", '{"status":"up"}']) assert.deepEqual(await verdicts(), ["unknown", "good"], body);
  body = '{"code":200,"content":{"name":"ann"}}';
  assert.deepEqual(await backend.checkWeb(asked), { verdict: "good", name: "ann" });
  body = '{"errorCode":"no"}';
  assert.deepEqual(await verdicts(), ["bad", "bad"]);
});
