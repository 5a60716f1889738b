declare const brand: unique symbol;
type Branded<Name extends string> = string & { readonly [brand]: Name };

export type AgentId = Branded<"AgentId">;
export type CommandId = Branded<"CommandId">;
export type RunId = Branded<"RunId">;
export type GroupId = Branded<"GroupId">;
export type UserId = Branded<"UserId">;
export type TokenId = Branded<"TokenId">;
export type AuditId = Branded<"AuditId">;

let lastMs = 0;
let counter = 0;

/**
 * A UUIDv7 (RFC 9562 section 5.7) in text form. Ids made by one process sort by the order in which they were made:
 * the 12 bits after the time count up within a millisecond. `nowMs` comes from the caller's clock.
 */
export function newId<Id extends string>(nowMs: number): Id {
  if (nowMs > lastMs) {
    lastMs = nowMs;
    counter = crypto.getRandomValues(new Uint16Array(1))[0] ?? 0;
    counter &= 0x3ff; // leaves room to count up
  } else {
    counter += 1;
    if (counter > 0xfff) {
      lastMs += 1;
      counter = 0;
    }
  }
  const random = crypto.getRandomValues(new Uint8Array(8));
  const time = lastMs.toString(16).padStart(12, "0");
  const sequence = (0x7000 | counter).toString(16);
  random[0] = ((random[0] ?? 0) & 0x3f) | 0x80;
  const tail = toHex(random);
  return `${time.slice(0, 8)}-${time.slice(8)}-${sequence}-${tail.slice(0, 4)}-${tail.slice(4)}` as Id;
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** True for the text form of a UUID in lower case. */
export function isUuid(text: string): boolean {
  return UUID.test(text);
}

/** A random UUIDv4: for message ids on the wire of protocols that ask for one, and for idempotency keys. */
export function newMessageId(): string {
  // browsers keep this one from pages that came over plain HTTP
  if (typeof crypto.randomUUID === "function") return crypto.randomUUID();
  const random = crypto.getRandomValues(new Uint8Array(16));
  random[6] = ((random[6] ?? 0) & 0x0f) | 0x40;
  random[8] = ((random[8] ?? 0) & 0x3f) | 0x80;
  return toHex(random).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

/** 256 random bits for programs: `mst_` + 64 hex digits. Shown once, stored hashed. */
export function newApiToken(): string {
  return `mst_${toHex(crypto.getRandomValues(new Uint8Array(32)))}`;
}

/** `tkn_` + 32 hex digits: the form that other agents' installers check, and safe in any URL. */
export function newEnrollmentToken(): string {
  return `tkn_${toHex(crypto.getRandomValues(new Uint8Array(16)))}`;
}

/** A password for a first start: 20 characters without look-alikes, about 114 bits. */
export function newPassword(): string {
  const alphabet = "abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";
  let password = "";
  while (password.length < 20) {
    for (const byte of crypto.getRandomValues(new Uint8Array(32))) {
      // refusing the uneven tail keeps every character equally likely
      if (byte < alphabet.length * 4 && password.length < 20) password += alphabet[byte % alphabet.length];
    }
  }
  return password;
}

function toHex(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += byte.toString(16).padStart(2, "0");
  return text;
}
