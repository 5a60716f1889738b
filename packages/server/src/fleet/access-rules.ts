import { MusterError } from "@muster/core";
import type { Principal, Role } from "@muster/core/resources";

/** Who may do one thing. */
export interface AccessRule {
  /** The least role that may. */
  readonly role: Role;
  /** True where an enrolment token may too: it is no login and can do nothing else. */
  readonly enrollment?: true;
  /** True where only people may, since it concerns a password. */
  readonly peopleOnly?: true;
}

/** The one table of rights. Every route and every subscription names one of these actions; nothing else decides. */
export const ACCESS_RULES = {
  "self.read": { role: "viewer" },
  "self.logout": { role: "viewer" },
  "self.password": { role: "viewer", peopleOnly: true },
  "system.read": { role: "viewer" },
  "agents.read": { role: "viewer" },
  "agents.update": { role: "operator" },
  "agents.delete": { role: "admin" },
  "groups.read": { role: "viewer" },
  "groups.write": { role: "operator" },
  "commands.read": { role: "viewer" },
  "commands.create": { role: "operator" },
  "commands.cancel": { role: "operator" },
  "metrics.read": { role: "viewer" },
  "records.read": { role: "viewer" },
  "configs.read": { role: "viewer" },
  "configs.write": { role: "operator" },
  "rollouts.read": { role: "viewer" },
  "rollouts.write": { role: "operator" },
  "secrets.read": { role: "admin" },
  "secrets.write": { role: "admin" },
  "inputs.read": { role: "viewer" },
  /** Configurations may hold passwords: whoever only looks sees how they are, not what is in them. */
  "inputs.text": { role: "operator" },
  "inputs.write": { role: "operator" },
  "users.read": { role: "admin" },
  "users.write": { role: "admin" },
  "tokens.read": { role: "admin" },
  "tokens.write": { role: "admin" },
  "enrollment.read": { role: "operator" },
  "enrollment.write": { role: "admin" },
  "audit.read": { role: "admin" },
  "install.read": { role: "operator", enrollment: true },
  "live.open": { role: "viewer" },
} as const satisfies Record<string, AccessRule>;

export type Action = keyof typeof ACCESS_RULES;

const RANK: Readonly<Record<Role, number>> = { viewer: 1, operator: 2, admin: 3 };

/** True when `role` includes everything that `needed` may do. No role includes nothing. */
export function includesRole(role: Role | null, needed: Role): boolean {
  return role !== null && RANK[role] >= RANK[needed];
}

/** The lesser of two roles; no role when either is none. */
export function lesserRole(left: Role | null, right: Role | null): Role | null {
  if (left === null || right === null) return null;
  return RANK[left] <= RANK[right] ? left : right;
}

/** The strongest of a token's scopes; no role for none. */
export function strongestRole(roles: readonly Role[]): Role | null {
  let strongest: Role | null = null;
  for (const role of roles) if (strongest === null || RANK[role] > RANK[strongest]) strongest = role;
  return strongest;
}

/** Returns the caller when it may; throws unauthenticated for nobody and permission_denied for the others. */
export function authorize(principal: Principal | undefined, action: Action): Principal {
  const rule: AccessRule = ACCESS_RULES[action];
  if (!principal) throw new MusterError("unauthenticated", "log in, or send an API token");
  if (principal.kind === "enrollment") {
    if (rule.enrollment === true) return principal;
    throw new MusterError("permission_denied", "an enrolment token can only fetch the installer", { action });
  }
  if (rule.peopleOnly === true && principal.kind !== "user") {
    throw new MusterError("permission_denied", "only a person who is logged in can do this", { action });
  }
  if (!includesRole(principal.role, rule.role)) {
    throw new MusterError("permission_denied", `this needs the role ${rule.role}`, { action, needs: rule.role });
  }
  return principal;
}
