import type { Clock } from "@muster/core";

/** How to show who we are at the store of metrics. */
export interface RemoteCredentials {
  /** Sent as a bearer token. */
  readonly token?: string | undefined;
  /** Sent as basic authentication. */
  readonly user?: string | undefined;
  readonly password?: string | undefined;
}

export function authorization({ token, user, password }: RemoteCredentials): Record<string, string> {
  if (token !== undefined) return { authorization: `Bearer ${token}` };
  if (user === undefined) return {};
  return { authorization: `Basic ${Buffer.from(`${user}:${password ?? ""}`).toString("base64")}` };
}

/** Where words about trouble go. The text carries no secret. */
export type ReportTrouble = (message: string, details: Readonly<Record<string, unknown>>) => void;

/** Passes on one report per minute, and how many were kept back since. */
export function limitReports(report: ReportTrouble, clock: Clock): ReportTrouble {
  let nextAt = Number.NEGATIVE_INFINITY;
  let silent = 0;
  return (message, details) => {
    if (clock.monotonic() < nextAt) {
      silent++;
      return;
    }
    nextAt = clock.monotonic() + 60_000;
    report(message, silent > 0 ? { ...details, alsoHappened: silent } : details);
    silent = 0;
  };
}

/** The beginning of an answer for a log: one line of plain text. */
export function excerpt(body: Buffer): string {
  return body
    .toString("utf8", 0, 300)
    .replace(/[\p{Cc}\p{Cf}]+/gu, " ")
    .trim();
}
