import type { Clock } from "@muster/core";
import type { Access } from "../../../fleet/access.ts";
import type { PlainRequest, PlainResponse } from "../../../listeners/door.ts";

/** What a backend or our own access control says of a token; `unknown` while nobody can be asked. */
export type TokenVerdict = "good" | "bad" | "unknown";

/** What the intake asks of access control. */
export type IntakeAccess = Pick<Access, "authenticate" | "checkEnrollment">;

export interface IntakeOptions {
  readonly access: IntakeAccess;
  readonly clock: Clock;
  readonly log: { warn(fields: object, message: string): void };
  /** True where the operator opened the door to addresses: writing then needs no token. */
  readonly isOpen?: boolean;
  /** Who else knows tokens: the backend, when one is configured. Default: our enrolment tokens and operators' API tokens. */
  readonly checkToken?: (token: string) => Promise<TokenVerdict>;
  /** A body as it is sent, and once it is inflated. Default 64 MiB. */
  readonly maxBodyBytes?: number;
}

/** Takes in what agents write, and answers what else they ask of a DataWay over HTTP. */
export interface Intake {
  /** Answers one request of a path for which `isIntakePath` is true. Never rejects. */
  respondIntake(request: PlainRequest): Promise<PlainResponse>;
}

export function createIntake(_options: IntakeOptions): Intake {
  return {
    respondIntake: async () => ({ status: 503, body: "" }),
  };
}
