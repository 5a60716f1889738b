import { existsSync } from "node:fs";

/** The browser for tests: MUSTER_CHROMIUM, or one in the usual places; undefined when there is none. */
export function findChromium() {
  const candidates = [
    process.env.MUSTER_CHROMIUM,
    "/usr/bin/chromium",
    "/usr/bin/chromium-browser",
    "/usr/bin/google-chrome",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
  ];
  return candidates.find((path) => path !== undefined && existsSync(path));
}
