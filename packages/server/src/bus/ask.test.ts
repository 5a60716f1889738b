import assert from "node:assert/strict";
import { test } from "node:test";
import { missingNats, onEnd, type Scope, startNats, unlessMissing } from "@muster/testing";
import { NatsBus } from "./nats.ts";
import type { Ask } from "./subjects.ts";

const CALL: Ask<"call"> = { agent: "a", call: { method: "inputs.sample", input: "cpu" }, timeoutMs: 1000 };

async function openTwo(t: Scope) {
  const nats = await startNats(t);
  const [near, far] = [new NatsBus({ servers: [nats.url] }), new NatsBus({ servers: [nats.url] })];
  onEnd(t, () => Promise.all([near.close(), far.close()]).then(() => {}));
  return { near, far, start: () => Promise.all([near.start(), far.start()]) };
}

test(
  "another process may take its time with an answer, as long as the asker gives it, and answers cross each other",
  unlessMissing(missingNats()),
  async (t) => {
    const { near, far, start } = await openTwo(t);
    const waiting: (() => void)[] = [];
    far.answer("call", async ({ agent }) => {
      if (agent === "broken") throw new Error("no");
      await new Promise<void>((resolve) => waiting.push(resolve));
      return { ok: true, answer: { ok: true, content: { toml: `of ${agent}` } } };
    });
    await start();
    const ask = (agent: string, timeoutMs: number) => near.ask("call", far.processId, { ...CALL, agent }, timeoutMs);
    const [first, second] = [ask("first", 10_000), ask("second", 10_000)];
    assert.equal(await ask("impatient", 50), undefined);
    while (waiting.length < 3) await new Promise((resolve) => setImmediate(resolve));
    waiting[1]?.();
    assert.deepEqual(await second, { ok: true, answer: { ok: true, content: { toml: "of second" } } });
    waiting[0]?.();
    assert.deepEqual(await first, { ok: true, answer: { ok: true, content: { toml: "of first" } } });
    assert.equal(await ask("broken", 50), undefined);
    assert.equal(await near.ask("call", "nobody", CALL, 10_000), undefined, "who is not there is known at once");
    waiting[2]?.();
  },
);
