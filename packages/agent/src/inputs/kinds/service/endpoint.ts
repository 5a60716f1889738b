import * as z from "zod/mini";

/** Where a service listens. */
export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

/** `host:port`, `[::1]:port`, or a host alone when there is a default port; undefined when it is none of them. */
export function parseEndpoint(text: string, defaultPort?: number): Endpoint | undefined {
  const bracketed = /^\[([0-9a-fA-F:.%a-z]+)\](?::(\d{1,5}))?$/.exec(text);
  const plain = bracketed ?? /^([^\s:/@[\]]+)(?::(\d{1,5}))?$/.exec(text);
  const bare = plain ?? /^([0-9a-fA-F]*:[0-9a-fA-F:.]*)$/.exec(text);
  if (!bare) return undefined;
  const [, host = "", digits] = bare;
  const port = digits === undefined ? defaultPort : Number(digits);
  return port === undefined || port < 1 || port > 65_535 || host.length > 253 ? undefined : { host, port };
}

export function formatEndpoint({ host, port }: Endpoint): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Options of places: `["127.0.0.1:22"]`. */
export function endpoints(byDefault: readonly string[], defaultPort?: number) {
  const fits = (value: unknown) => typeof value === "string" && parseEndpoint(value, defaultPort) !== undefined;
  const example = defaultPort === undefined ? '"127.0.0.1:80"' : '"127.0.0.1"';
  const place = z.pipe(
    z.custom<string>(fits, `must be a host and a port such as ${example}`),
    z.transform((value) => parseEndpoint(value, defaultPort) ?? { host: value, port: 0 }),
  );
  return z.prefault(z.array(place).check(z.maxLength(MAX_TARGETS)), [...byDefault]);
}

/** More in one block would not be read within an interval. */
export const MAX_TARGETS = 200;

/** Options of web addresses; messages never repeat them, since they may hold a password. */
export function webAddresses(byDefault: readonly string[]) {
  const address = z.pipe(
    z.custom<string>(isWebAddress, 'must be an address such as "http://127.0.0.1:8080/path"'),
    z.transform((value) => new URL(value)),
  );
  return z.prefault(z.array(address).check(z.maxLength(MAX_TARGETS)), [...byDefault]);
}

function isWebAddress(value: unknown): boolean {
  if (typeof value !== "string" || value.length > 4096) return false;
  const url = URL.parse(value);
  return url !== null && (url.protocol === "http:" || url.protocol === "https:");
}

/** The address without user, password, query and fragment: what may be shown and stored. */
export function shownAddress(url: URL): string {
  return `${url.protocol}//${url.host}${url.pathname}`;
}

/** The port that is meant when the address names none. */
export function portOf(url: URL): string {
  return url.port === "" ? (url.protocol === "https:" ? "443" : "80") : url.port;
}
