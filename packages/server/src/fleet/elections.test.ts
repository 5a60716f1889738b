import assert from "node:assert/strict";
import { test } from "node:test";
import { ManualClock } from "@muster/testing";
import { describeStores } from "../store/stores-for-test.ts";
import { Elections } from "./elections.ts";

describeStores("elections", (stores) => {
  test("of many that stand at once, at several processes, one is elected and stays it while it comes back", async () => {
    const store = await stores.open();
    const clock = new ManualClock();
    const processes = [new Elections({ store, clock }), new Elections({ store, clock })];
    const place = { realm: "token", namespace: "default" };
    const stand = (id: string, index: number) => processes[index % 2]?.stand(place, id);
    const candidates = Array.from({ length: 12 }, (_, index) => `dk-${index}`);
    const first = await Promise.all(candidates.map(stand));
    assert.equal(first.filter((answer) => answer?.isElected).length, 1);
    const holder = first[0]?.holder ?? "";
    for (let round = 0; round < 5; round++) {
      clock.advance(10_000);
      assert.equal((await stand(holder, round))?.isElected, true);
      assert.deepEqual(await stand("other", round), { isElected: false, holder });
    }
    assert.equal((await processes[0]?.stand({ ...place, realm: "another token" }, "other"))?.isElected, true);
    clock.advance(21_000);
    assert.equal((await stand("other", 0))?.isElected, true);
    assert.equal((await stand(holder, 1))?.isElected, false);
    await store.close();
  });
});
