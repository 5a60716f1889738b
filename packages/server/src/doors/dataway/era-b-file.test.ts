import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { readSections, writeSections } from "./era-b-file.ts";

const CPU = '# mine\n[[inputs.cpu]]\n  interval = "10s"\n';

describe("the one file per collector of era B", () => {
  test("holds several configurations with their ids, byte for byte", () => {
    const sections = [
      { id: null, enabled: true, toml: "[[inputs.cpu]]\n" },
      { id: "dkinput_a", enabled: true, toml: CPU },
      { id: "dkinput_b", enabled: false, toml: `${CPU}\n#- a comment\n` },
      { id: "dkinput_c", enabled: true, toml: "[[inputs.cpu]]\n  percpu = true" },
    ];
    assert.deepEqual(readSections(writeSections(sections)), sections);
  });

  test("is read also where the DataKit has put a # before each line", () => {
    const text = writeSections([{ id: "dkinput_a", enabled: true, toml: CPU }]);
    const off = text.replace(/^(?=.)/gm, "#");
    assert.deepEqual(readSections(off), [{ id: "dkinput_a", enabled: false, toml: CPU }]);
  });

  test("a sample is nobody's", () => {
    assert.deepEqual(readSections("# only\n# comments\n"), [{ id: null, enabled: true, toml: "# only\n# comments\n" }]);
    assert.deepEqual(readSections(""), []);
  });
});
