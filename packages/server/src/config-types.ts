import { isIP } from "node:net";
import type { SettingType } from "@muster/core/settings";
import { AddressRanges, parseRange } from "./listeners/address.ts";
import type { DoorPolicy } from "./listeners/door-policy.ts";

/** Values that everybody knows, so that they protect nothing. */
const KNOWN_DEFAULTS = new Set([
  "admin",
  "password",
  "administrator",
  "changeme",
  "default-token",
  "12345678",
  "muster",
]);

const HOST_NAME = /^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$/;

export const hostPort = {
  host: {
    hint: "<address>",
    parse(text: string): string {
      if (isIP(text) === 0 && !HOST_NAME.test(text)) throw new Error("expected an address or a host name");
      return text;
    },
  } satisfies SettingType<string>,
};

/** A door with the address of its own listener. */
export function listenTarget(
  doors: readonly string[],
): SettingType<{ readonly door: string; readonly host: string; readonly port: number }> {
  return {
    hint: "<door>=<host>:<port>",
    parse(text) {
      const match = /^([^=]+)=(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(text);
      const host = match?.[2] ?? match?.[3];
      if (!match || host === undefined || Number(match[4]) > 65_535) throw new Error("expected <door>=<host>:<port>");
      const door = match[1] ?? "";
      if (!doors.includes(door)) throw new Error(`there is no door "${door}", expected one of ${doors.join(", ")}`);
      return { door, host: hostPort.host.parse(host), port: Number(match[4]) };
    },
  };
}

/** Secrets of the first start. Their text never appears in a message. */
export const secret = {
  password: checked("<password>", (text) => {
    if (text.length < 8 || text.length > 1000) throw new Error("expected at least 8 characters");
  }),
  enrollmentToken: checked("<token>", (text) => {
    if (text === "default-token") throw new Error("is public; use --allow-default-token if you really want it");
    if (!/^[A-Za-z0-9_.~-]{12,200}$/.test(text))
      throw new Error("expected 12 or more characters that are safe in a URL");
  }),
  apiToken: checked("<token>", (text) => {
    if (!/^mst_[A-Za-z0-9_.~-]{16,200}$/.test(text))
      throw new Error("expected mst_ and at least 16 URL-safe characters");
  }),
  /** A token that somebody else made. */
  anyToken: checked("<token>", (text) => {
    if (!/^[\x21-\x7e]{1,500}$/.test(text)) throw new Error("expected 1..500 visible characters");
  }),
};

function checked(hint: string, check: (text: string) => void): SettingType<string> {
  return {
    hint,
    parse(text) {
      check(text);
      if (KNOWN_DEFAULTS.has(text.toLowerCase())) throw new Error("is a well-known default; choose another");
      return text;
    },
  };
}

/** A list in one value, separated by commas. */
export function commaList(hint: string, parse: (text: string) => string): SettingType<readonly string[]> {
  return { hint, parse: (text) => splitList(text).map(parse) };
}

export function range(text: string): string {
  if (!parseRange(text)) throw new Error(`"${text}" is not an address or a range such as 10.0.0.0/8`);
  return text;
}

/** Exactly as a browser sends it: scheme, host and, unless it is the scheme's own, port. */
export function origin(text: string): string {
  if (!URL.canParse(text) || new URL(text).origin !== text)
    throw new Error(`"${text}" is not an origin such as https://a.example`);
  return text;
}

/** A URL that is safe to put into copied lines and scripts: nothing in it but scheme, host, port and a plain path. */
export const publicUrl: SettingType<string> = {
  hint: "<url>",
  parse(text) {
    const safe = /^https?:\/\/[A-Za-z0-9.-]+(:\d+)?(\/[A-Za-z0-9._~/-]*)?$|^https?:\/\/\[[0-9A-Fa-f:.]+\](:\d+)?\/?$/;
    if (!safe.test(text) || !URL.canParse(text)) throw new Error("expected a URL such as https://muster.example.com");
    return text;
  },
};

/** Bytes, or with KiB or MiB behind the number. */
export function wholeBytes(min: number, max: number): SettingType<number> {
  const units: Readonly<Record<string, number>> = { "": 1, KiB: 1024, MiB: 1024 * 1024 };
  return {
    hint: "<bytes>",
    parse(text) {
      const match = /^(\d+)\s*(KiB|MiB)?$/.exec(text);
      const bytes = Number(match?.[1]) * (units[match?.[2] ?? ""] ?? 1);
      if (!match || bytes < min || bytes > max) throw new Error(`expected ${min}..${max} bytes, such as 1MiB`);
      return bytes;
    },
  };
}

/** `off`, `token`, `loopback` or address ranges. A door whose peers cannot send a token cannot ask for one. */
export function doorPolicy(text: string, peersSendToken: boolean): DoorPolicy {
  if (text === "off" || text === "loopback") return { kind: text };
  if (text === "token") {
    if (!peersSendToken) throw new Error("its peers cannot send a token; use loopback or address ranges");
    return { kind: "token" };
  }
  const ranges = splitList(text);
  if (ranges.length === 0) throw new Error("expected off, token, loopback or address ranges");
  return { kind: "ranges", ranges: new AddressRanges(ranges.map(range)) };
}

function splitList(text: string): string[] {
  return text.split(",").flatMap((part) => (part.trim() === "" ? [] : [part.trim()]));
}
