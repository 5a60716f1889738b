import assert from "node:assert/strict";
import { test } from "node:test";
import { InflatedBodies } from "./inflating.ts";

const turns = () => new Promise((resolve) => setImmediate(resolve));

test("a few bodies are unpacked at once, the others in turn, also behind one that is no good", async () => {
  const bodies = new InflatedBodies({ mostAtOnce: 2, mostBytes: 100 });
  const ends: ((body: Uint8Array | Error) => void)[] = [];
  const use = () =>
    bodies.use(
      () =>
        new Promise((resolve, reject) => ends.push((body) => (body instanceof Error ? reject(body) : resolve(body)))),
      async (body) => body.length,
    );
  const used = [use(), use(), use(), use()];
  assert.equal(ends.length, 2);
  ends[0]?.(new Error("no gzip"));
  await assert.rejects(used[0] as Promise<number>, /no gzip/);
  await turns();
  assert.equal(ends.length, 3);
  for (let next = 1; next < 4; next++) {
    ends[next]?.(new Uint8Array(next));
    assert.equal(await used[next], next);
    await turns();
  }
  assert.equal(bodies.held, 0);
});

test("whoever comes while unpacked bodies hold too much is sent away, but never the only one", async () => {
  const bodies = new InflatedBodies({ mostAtOnce: 4, mostBytes: 100 });
  const done = Promise.withResolvers<void>();
  const first = bodies.use(
    async () => new Uint8Array(200),
    () => done.promise,
  );
  await turns();
  const second = bodies.use(
    async () => new Uint8Array(1),
    async () => {},
  );
  await assert.rejects(second, { code: "unavailable" });
  done.resolve();
  await first;
  assert.equal(bodies.held, 0);
});
