// Programs that tests play with and that npm does not bring. Debian's packages, and what tells that one is there.
import { spawnSync } from "node:child_process";
import { existsSync, rmSync, writeFileSync } from "node:fs";
import { findChromium } from "./chromium.mjs";

const PACKAGES = {
  chromium: () => findChromium() !== undefined,
  postgresql: () => existsSync("/usr/lib/postgresql") || isOnPath("postgres"),
  "nats-server": () => isOnPath("nats-server"),
  haproxy: () => isOnPath("haproxy"),
  "iputils-ping": () => isOnPath("ping"),
  "mariadb-server": () => isOnPath("mariadbd"),
  "nginx-light": () => isOnPath("nginx"),
  "redis-server": () => isOnPath("redis-server"),
  "victoria-metrics": () => isOnPath("victoria-metrics"),
  prometheus: () => isOnPath("prometheus"),
  patch: () => isOnPath("patch"),
};

/** Packages have scripts that start their services; this file, while it is there, tells them not to. */
const POLICY = "/usr/sbin/policy-rc.d";

/** Installs what is missing where it can (Debian, as root), else says how; the tests say which of them need it. */
export function installPrograms(env = process.env) {
  const missing = Object.keys(PACKAGES).filter((name) => !PACKAGES[name]());
  if (missing.length === 0) return true;
  const isRoot = process.getuid?.() === 0;
  if (!isRoot || !existsSync("/usr/bin/apt-get")) {
    console.log(`Some tests need programs that are not here. On Debian: sudo apt-get install ${missing.join(" ")}`);
    console.log("(MUSTER_CHROMIUM may be the path of another Chromium.) Without them those tests are skipped.");
    return env.CI !== "true";
  }
  console.log(`Installing programs for the tests: ${missing.join(", ")} …`);
  return withoutServices(
    () => apt("update", "-qq") && apt("install", "-y", "-qq", "--no-install-recommends", ...missing),
  );
}

function apt(...words) {
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  return spawnSync("apt-get", words, { env, stdio: ["ignore", "inherit", "inherit"] }).status === 0;
}

/** A policy of the machine's owner is left alone. */
function withoutServices(task) {
  const isOurs = !existsSync(POLICY);
  if (isOurs) writeFileSync(POLICY, "#!/bin/sh\nexit 101\n", { mode: 0o755 });
  try {
    return task();
  } finally {
    if (isOurs) rmSync(POLICY, { force: true });
  }
}

function isOnPath(name) {
  const folders = (process.env.PATH ?? "").split(":");
  return [...folders, "/usr/sbin", "/usr/local/sbin"].some(
    (folder) => folder !== "" && existsSync(`${folder}/${name}`),
  );
}
