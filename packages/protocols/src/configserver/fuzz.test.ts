import assert from "node:assert/strict";
import { test } from "node:test";
import { CONFIGSERVER_ACTIONS, type Generation } from "./actions.ts";
import type { Codec } from "./codec.ts";
import { G0_MESSAGES } from "./g0.ts";
import { G1_MESSAGES } from "./g1.ts";
import { G2_MESSAGES } from "./g2.ts";
import { randomMessage, seededRandom } from "./random-for-test.ts";
import { sniffGeneration } from "./sniff.ts";

const ROUNDS = 3000;
const MESSAGES: Readonly<Record<Generation, Readonly<Record<string, Codec>>>> = {
  g0: G0_MESSAGES,
  g1: G1_MESSAGES,
  g2: G2_MESSAGES,
};

/** A message with a few bytes changed, cut out or put in. */
function damage(bytes: Buffer, random: (limit: number) => number): Buffer {
  const damaged = [...bytes.subarray(0, 400)];
  for (let times = random(4); times >= 0; times--) {
    const at = random(damaged.length + 1);
    damaged.splice(at, random(3), ...Array.from({ length: random(3) }, () => random(256)));
  }
  return Buffer.from(damaged);
}

for (const generation of ["g0", "g1", "g2"] as const) {
  test(`${generation}: damaged messages have a result, and what is read can be written and read again`, () => {
    const random = seededRandom(17);
    const codecs = Object.values(MESSAGES[generation]);
    let readable = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const codec = codecs[round % codecs.length] as Codec;
      const decoded = codec.decode(damage(codec.encode(randomMessage(codec, random)), random));
      if (!decoded.ok) continue;
      readable++;
      assert.deepEqual(codec.decode(codec.encode(decoded.message)), decoded);
    }
    assert.ok(readable > ROUNDS / 100 && readable < ROUNDS, `${readable} of ${ROUNDS}`);
  });
}

test("sniffing answers whatever comes, on every path", () => {
  const random = seededRandom(31);
  const paths = Object.values(CONFIGSERVER_ACTIONS).flatMap((actions) =>
    Object.values(actions).map(({ path }) => path),
  );
  const answers = new Set<string>();
  for (let round = 0; round < ROUNDS; round++) {
    const body = Buffer.from(Array.from({ length: random(40) }, () => random(round % 2 ? 256 : 90)));
    answers.add(sniffGeneration({ path: paths[round % paths.length] ?? "", method: "POST", body }));
  }
  assert.deepEqual([...answers].sort(), ["ambiguous", "g0", "g1", "g2"]);
});
