import type { Setting, SettingsResult, SettingType } from "@muster/core/settings";
import { secret, wholeBytes } from "./config-types.ts";

/** The backend behind the gateway of DataKits, when one is configured. */
export interface DatawayBackendChoice {
  /** Base of its HTTP routes; no query, no user. */
  readonly url: string;
  /** What we show it; undefined: nothing. */
  readonly token: string | undefined;
  /** Reports that wait for it may take so much of the disk. */
  readonly queueBytes: number;
}

const MIB = 1024 * 1024;

/** Credentials have a setting of their own, which no list of processes and no log shows. */
const backendUrl: SettingType<string> = {
  hint: "<url>",
  parse(given) {
    const parsed = URL.canParse(given) ? new URL(given) : undefined;
    if (!parsed || !/^https?:$/.test(parsed.protocol)) throw new Error("expected http://… or https://…");
    if (parsed.username !== "" || parsed.password !== "") throw new Error("put its token into dataway-backend-token");
    if (parsed.search !== "" || parsed.hash !== "") throw new Error("expected no query and no fragment");
    return given.replace(/\/+$/, "");
  },
};

/** The gateway of DataKits. */
export const DATAWAY_SETTINGS = {
  "dataway-backend": {
    type: backendUrl,
    doc: "a DataFlux-like backend: checks the tokens of DataKits, is told of them, and may manage their inputs",
  },
  "dataway-backend-token": { type: secret.anyToken, secret: true, doc: "what this server shows the backend" },
  "dataway-backend-queue": {
    type: wholeBytes(MIB, 1024 * MIB),
    default: 64 * MIB,
    doc: "bytes on the disk for reports that wait for the backend; beyond, the oldest are dropped",
  },
} as const satisfies Record<string, Setting>;

type Name = keyof typeof DATAWAY_SETTINGS;

/** What cannot work together is refused at start, with the reason. */
export function checkDataway({ settings }: SettingsResult, mistakes: string[]): void {
  const given = (name: Name) => settings.get(name)?.source !== "default" && settings.get(name)?.value !== undefined;
  if (given("dataway-backend-token") && !given("dataway-backend"))
    mistakes.push("dataway-backend-token: for which backend? give dataway-backend too");
}

export function readDataway({ settings }: SettingsResult): DatawayBackendChoice | undefined {
  const get = (name: Name) => settings.get(name)?.value as string | undefined;
  const url = get("dataway-backend");
  if (url === undefined) return undefined;
  return { url, token: get("dataway-backend-token"), queueBytes: Number(settings.get("dataway-backend-queue")?.value) };
}

/** The ports on which the originals listened, opened with `--classic-ports`. */
export const CLASSIC_PORTS = [
  { door: "dataway", port: 9528 },
  { door: "dataway", port: 9530 },
] as const;
