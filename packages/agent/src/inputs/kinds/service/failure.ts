/** Why a service could not be read, in words for whoever runs it. Shown as it is, so it holds no secret. */
export class ServiceTrouble extends Error {}

const SOCKET_WORDS: Readonly<Record<string, (place: string) => string>> = {
  ECONNREFUSED: (place) => `connection refused at ${place}`,
  ECONNRESET: (place) => `connection closed by ${place}`,
  EPIPE: (place) => `connection closed by ${place}`,
  ENOTFOUND: (place) => `no address is known for ${place}`,
  EAI_AGAIN: (place) => `the name servers did not answer for ${place}`,
  ETIMEDOUT: (place) => `no answer from ${place}`,
  EHOSTUNREACH: (place) => `no route to ${place}`,
  ENETUNREACH: (place) => `no route to ${place}`,
  ENOENT: (place) => `there is no ${place}`,
  EACCES: (place) => `not allowed to open ${place}`,
  EPERM: (place) => `not allowed to open ${place}`,
  EADDRINUSE: (place) => `${place} is in use by another program`,
  EADDRNOTAVAIL: (place) => `${place} is no address of this host`,
};

const TLS_WORDS: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: "has expired",
  CERT_NOT_YET_VALID: "is not valid yet",
  DEPTH_ZERO_SELF_SIGNED_CERT: "is signed by itself and not trusted",
  SELF_SIGNED_CERT_IN_CHAIN: "is signed by an authority that is not trusted",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "is signed by an authority that is not trusted",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "is signed by an authority that is not trusted",
  ERR_TLS_CERT_ALTNAME_INVALID: "is for another name",
};

/** Secrets that are shorter are part of every other word, and hiding them would tell them. */
const SHORTEST_SECRET = 4;

/** What was thrown on the way to `place`, as one line. `secrets` are cut out wherever a library repeats them. */
export function describeFailure(error: unknown, place: string, secrets: readonly string[] = []): string {
  if (error instanceof ServiceTrouble) return hideSecrets(error.message, secrets);
  const causes = listCauses(error);
  for (const { code } of causes) {
    const words = typeof code === "string" ? SOCKET_WORDS[code] : undefined;
    if (words) return words(place);
    const certificate = typeof code === "string" ? TLS_WORDS[code] : undefined;
    if (certificate !== undefined) return `the certificate of ${place} ${certificate}`;
  }
  if (causes.some(({ name }) => name === "TimeoutError" || name === "AbortError"))
    return `no answer from ${place} in time`;
  const message = causes.map((cause) => cause.message).find((text) => typeof text === "string" && text !== "");
  const [line = ""] = String(message ?? error).split("\n");
  return hideSecrets(`${place}: ${line.slice(0, 500)}`, secrets);
}

/** The text without the secrets. */
export function hideSecrets(text: string, secrets: readonly string[]): string {
  let hidden = text;
  for (const secret of secrets) {
    if (secret.length < SHORTEST_SECRET) continue;
    for (const form of [secret, encodeURIComponent(secret)]) hidden = hidden.split(form).join("********");
  }
  return hidden;
}

interface Cause {
  readonly code?: unknown;
  readonly name?: string;
  readonly message?: string;
}

/** An error, what is inside it and its causes: libraries wrap the one that says something. */
function listCauses(error: unknown, depth = 0): Cause[] {
  if (typeof error !== "object" || error === null || depth > 5) return [];
  const inner = error instanceof AggregateError ? error.errors : [];
  const cause = "cause" in error ? [error.cause] : [];
  return [error as Cause, ...[...inner, ...cause].flatMap((next) => listCauses(next, depth + 1))];
}
