import assert from "node:assert/strict";
import { test } from "node:test";
import * as z from "zod/mini";
import { readOptions, tryKind } from "../shared/kinds-for-test.ts";
import { SERVICE_KINDS } from "./index.ts";

/** Every option that a sample shows commented out, switched on. */
function uncomment(sample: string): string {
  return sample.replace(/^ {2}# (?=\w+ = | {2}\w+ = |\[)/gm, "  ");
}

for (const kind of SERVICE_KINDS) {
  test(`the sample of ${kind.name} runs as it is: it tells points or what is not there`, async (context) => {
    try {
      const trial = await tryKind(context, kind);
      await trial.collect();
      const said = [...trial.points, ...trial.troubles];
      assert.notEqual(said.length, 0);
    } catch (error) {
      // what else runs on this machine is not ours to say
      assert.match(String(error), /is in use by another program|is not on this host/);
    }
  });

  test(`everything that the sample of ${kind.name} shows is an option`, () => {
    const shown = readOptions(kind, uncomment(kind.sample));
    const parsed = z.safeParse(kind.options, shown);
    assert.deepEqual(
      parsed.error?.issues.map(({ message }) => message),
      undefined,
    );
    assert.ok(Object.keys(shown).length > 2);
    const extra = z.safeParse(kind.options, { ...shown, no_such_option: 1 });
    assert.deepEqual(
      extra.error?.issues.map(({ message }) => message),
      ['"no_such_option" is no option of this input'],
    );
  });
}
