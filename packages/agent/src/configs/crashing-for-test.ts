import { join } from "node:path";
import { systemClock } from "@muster/core";
import { createLogger } from "../log.ts";
import { DEFAULT_POLICY } from "../policy.ts";
import { GivenConfigs } from "./given-configs.ts";

/** For tests: gives one config after the other until it is killed. Arguments: folder, hook, word for the texts. */
const [, , folder = "", program = "", word = ""] = process.argv;
const configs = GivenConfigs.open({
  dataDir: folder,
  folder: join(folder, "agent/configs"),
  origin: "native",
  hook: { program, timeoutMs: 600_000 },
  environment: { PATH: "/usr/bin:/bin" },
  loadPolicy: async () => DEFAULT_POLICY,
  onChange: () => {},
  clock: systemClock,
  log: createLogger({ level: "error", clock: systemClock, write: () => {} }),
});
setInterval(() => {}, 60_000); // the clock's timers do not keep a process alive
for (let revision = 1; ; revision++) {
  const text = `${word}.${revision}\n`.repeat(20_000);
  const held = await configs.give({ kind: "file", name: "a", format: "text", revision, text, expiresAt: null });
  process.stdout.write(`gave ${held.revision} ${held.status} ${held.error ?? ""}\n`);
}
