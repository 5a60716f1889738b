import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { covers, findOwner, ROUTES } from "./routes.ts";

describe("routes of the main port", () => {
  test("no path belongs to two rows", () => {
    const samples = ROUTES.flatMap((route) => [route.path, `${route.path}/below`, ...(route.except ?? [])]);
    for (const path of [...samples, "/api/v1/User/x", "/fleet/v1/agents/1", "/api/v1/nodes", "/assets/a.js", "/x"]) {
      const rows = ROUTES.filter((route) => covers(route, path));
      assert.ok(rows.length <= 1, `${path} belongs to ${rows.map((row) => row.path).join(" and ")}`);
    }
  });

  test("no tree lies inside another one without being excepted there", () => {
    for (const outer of ROUTES.filter((route) => route.covers === "tree")) {
      for (const inner of ROUTES.filter((route) => route !== outer)) {
        assert.ok(!covers(outer, inner.path), `${inner.path} lies inside ${outer.path}`);
      }
    }
  });

  test("each owner of the contract is found", () => {
    assert.equal(findOwner("/"), "console");
    assert.equal(findOwner("/assets/app.js"), "console");
    assert.equal(findOwner("/agents/12"), "console");
    assert.equal(findOwner("/fleet/v1/agents"), "api");
    assert.equal(findOwner("/healthz"), "api");
    assert.deepEqual(findOwner("/api/v1/ws"), { door: "node" });
    assert.deepEqual(findOwner("/api/v1"), { door: "node" });
    assert.deepEqual(findOwner("/ws/client"), { door: "node" });
    for (const path of ["/v1/ws/datakit", "/v1/datakits/x/inputs", "/v1/write/metric", "/write", "/api/v2/write"]) {
      assert.deepEqual(findOwner(path), { door: "dataway" }, path);
    }
    for (const path of ["/User/ListConfigs", "/User/ListConfigs/", "/Agent/HeartBeat"])
      assert.deepEqual(findOwner(path), { door: "configserver" }, path);
    assert.deepEqual(findOwner("/api/v1/User/ListAgents"), { door: "configserver-g1" });
    for (const generation of ["g0", "g1", "g2"])
      assert.deepEqual(findOwner(`/configserver/${generation}/Agent/x`), { door: `configserver-${generation}` });
    assert.equal(findOwner("/v1/opamp"), "console");
  });

  test("a prefix ends at a slash, and case and encoding count", () => {
    for (const path of [
      "/api/v10/ws",
      "/user/x",
      "/configserver/g3/User/x",
      "/API/v1/ws",
      "/api%2fv1/ws",
      "/ws/client/x",
    ]) {
      assert.equal(findOwner(path), "console", path);
    }
    assert.deepEqual(findOwner("/api/v1/Users"), { door: "node" });
  });
});
