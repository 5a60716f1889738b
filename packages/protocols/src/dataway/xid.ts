import { createHash, randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import { crc32 } from "node:zlib";

/** Ids of 12 bytes in 20 characters that sort by the second in which they were made: docs/protocols/dataway.md, "Ids". */

const ALPHABET = "0123456789abcdefghijklmnopqrstuv";
const BYTES = 12;
const LENGTH = 20;
const COUNTERS = 0x1000000;

/** What older writers let pass too: they did not look at the four bits that say nothing. */
const LENIENT = /^[0-9a-v]{20}$/;
const STRICT = /^[0-9a-v]{19}[0g]$/;
const INPUT_ID = /^dkinput_[0-9a-v]{19}[0g]$/;
const LENIENT_INPUT_ID = /^dkinput_[0-9a-v]{20}$/;

export interface XidParts {
  /** Seconds since 1970. */
  readonly seconds: number;
  /** 24 bits, as the two below. */
  readonly machine: number;
  /** 16 bits. */
  readonly pid: number;
  readonly counter: number;
}

/** Writes 12 bytes; throws a RangeError for any other number of them. */
export function encodeXid(bytes: Uint8Array): string {
  if (bytes.length !== BYTES) throw new RangeError(`an id has ${BYTES} bytes`);
  let text = "";
  let bits = 0;
  let held = 0;
  for (const byte of bytes) {
    bits = (bits << 8) | byte;
    for (held += 8; held >= 5; held -= 5) text += ALPHABET[(bits >>> (held - 5)) & 31];
    bits &= 31;
  }
  return text + ALPHABET[(bits << (5 - held)) & 31];
}

/** The 12 bytes of an id without its prefix; undefined when it is none. */
export function decodeXid(text: string): Uint8Array | undefined {
  if (!LENIENT.test(text)) return undefined;
  const bytes = new Uint8Array(BYTES);
  let bits = 0;
  let held = 0;
  let at = 0;
  for (let index = 0; index < LENGTH; index++) {
    bits = ((bits << 5) | ALPHABET.indexOf(text.charAt(index))) & 0xfff;
    held += 5;
    if (held < 8) continue;
    held -= 8;
    bytes[at++] = (bits >>> held) & 0xff;
  }
  return bytes;
}

/** What an id without its prefix is made of; undefined when it is none. */
export function readXid(text: string): XidParts | undefined {
  const bytes = decodeXid(text);
  if (!bytes) return undefined;
  const view = new DataView(bytes.buffer);
  return {
    seconds: view.getUint32(0),
    machine: view.getUint32(4) >>> 8,
    pid: view.getUint16(7),
    counter: view.getUint32(8) & 0xffffff,
  };
}

/** Whether the id is written as it must be: 96 bits leave one of two last characters. */
export function isXid(text: string): boolean {
  return STRICT.test(text);
}

/** True for `dkinput_` and an id: the only files that may be changed from afar. */
export function isInputId(text: string): boolean {
  return INPUT_ID.test(text);
}

/** As above, with any last character. */
export function isLenientInputId(text: string): boolean {
  return LENIENT_INPUT_ID.test(text);
}

/** Makes ids that differ as long as fewer than 2^24 are made in a second. Takes ms since 1970. */
export function createXidSource(origin: Omit<XidParts, "seconds">): (nowMs: number) => string {
  let { counter } = origin;
  return (nowMs) => {
    counter = (counter + 1) % COUNTERS;
    const bytes = new Uint8Array(BYTES);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, Math.floor(nowMs / 1000));
    view.setUint32(4, origin.machine << 8);
    view.setUint16(7, origin.pid);
    view.setUint32(8, ((origin.pid & 0xff) << 24) | counter);
    return encodeXid(bytes);
  };
}

let ownSource: ((nowMs: number) => string) | undefined;

/** `prefix` and a new id of this process. `nowMs` comes from the caller's clock. */
export function makeXid(prefix: string, nowMs: number): string {
  ownSource ??= createXidSource(findOrigin());
  return prefix + ownSource(nowMs);
}

export function makeInputId(nowMs: number): string {
  return makeXid("dkinput_", nowMs);
}

/** Read once per process. */
function findOrigin(): Omit<XidParts, "seconds"> {
  const name = readOr("/etc/machine-id") || readOr("/sys/class/dmi/id/product_uuid") || hostname();
  const machine = name === "" ? randomBytes(3) : createHash("sha256").update(name).digest();
  const container = readOr("/proc/self/cpuset");
  const pid = (process.pid ^ (container.length > 1 ? crc32(container) : 0)) & 0xffff;
  return { machine: machine.readUIntBE(0, 3), pid, counter: randomBytes(3).readUIntBE(0, 3) };
}

/** The content of a file, or nothing where there is none or it may not be read. */
function readOr(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
