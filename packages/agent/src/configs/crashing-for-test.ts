import { openConfigs } from "./configs-for-test.ts";

/** For tests: gives one config after the other until it is killed. Arguments: folder, hook, word for the texts. */
const [, , folder = "", program = "", word = ""] = process.argv;
const configs = openConfigs(folder, { hook: { program, timeoutMs: 600_000 } });
setInterval(() => {}, 60_000); // the clock's timers do not keep a process alive
for (let revision = 1; ; revision++) {
  const text = `${word}.${revision}\n`.repeat(20_000);
  const held = await configs.give({ kind: "file", name: "a", format: "text", revision, text, expiresAt: null });
  process.stdout.write(`gave ${held.revision} ${held.status} ${held.error ?? ""}\n`);
}
