import { z } from "zod";
import { instant, page, roleSchema } from "./shared.ts";

export const loginSchema = z.strictObject({
  username: z.string().min(1).max(100),
  password: z.string().min(1).max(1000),
});

export const principalSchema = z.object({
  kind: z.enum(["user", "token", "enrollment"]),
  id: z.string(),
  name: z.string(),
  role: roleSchema.nullable(),
});
/** Who is calling. */
export type Principal = z.infer<typeof principalSchema>;

export const userSchema = z.object({
  id: z.string(),
  username: z.string(),
  role: roleSchema,
  disabled: z.boolean(),
  createdAt: instant,
  lastLoginAt: instant.nullable(),
});
export type User = z.infer<typeof userSchema>;
export const userPageSchema = page(userSchema);

const password = z.string().min(12, "at least 12 characters").max(1000);
export const userCreateSchema = z.strictObject({
  username: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._@-]{0,98}$/, "letters, digits and . _ @ -"),
  password,
  role: roleSchema,
});
export type UserCreate = z.infer<typeof userCreateSchema>;
export const userPatchSchema = z.strictObject({
  role: roleSchema.optional(),
  disabled: z.boolean().optional(),
  password: password.optional(),
});
export type UserPatch = z.infer<typeof userPatchSchema>;
export const passwordChangeSchema = z.strictObject({ current: z.string().min(1).max(1000), next: password });

export const tokenSchema = z.object({
  id: z.string(),
  name: z.string(),
  /** The first characters, to recognise it by. */
  hint: z.string(),
  scopes: z.array(roleSchema),
  createdAt: instant,
  createdBy: z.string(),
  expiresAt: instant.nullable(),
  lastUsedAt: instant.nullable(),
});
/** An API token as it is listed: without its secret. */
export type ApiToken = z.infer<typeof tokenSchema>;
export const tokenPageSchema = page(tokenSchema);
export const tokenCreateSchema = z.strictObject({
  name: z.string().min(1).max(100),
  scopes: z.array(roleSchema).min(1).max(3),
  expiresAt: z.iso.datetime({ offset: true }).nullable().optional(),
});
export type TokenCreate = z.infer<typeof tokenCreateSchema>;
export const tokenCreatedSchema = z.object({ id: z.string(), token: z.string() });
export type TokenCreated = z.infer<typeof tokenCreatedSchema>;

export const enrollmentTokenSchema = z.object({
  id: z.string(),
  name: z.string(),
  hint: z.string(),
  createdAt: instant,
  createdBy: z.string(),
  expiresAt: instant.nullable(),
  lastUsedAt: instant.nullable(),
  /** How many agents came with it. */
  agents: z.number().int(),
});
export type EnrollmentToken = z.infer<typeof enrollmentTokenSchema>;
export const enrollmentTokenPageSchema = page(enrollmentTokenSchema);
export const enrollmentTokenCreateSchema = z.strictObject({
  name: z.string().min(1).max(100),
  expiresAt: z.iso.datetime({ offset: true }).nullable().optional(),
});
export type EnrollmentTokenCreate = z.infer<typeof enrollmentTokenCreateSchema>;
/** With the line that adds a host, ready to copy. */
export const enrollmentTokenCreatedSchema = z.object({
  id: z.string(),
  token: z.string(),
  installLine: z.string(),
  agentLine: z.string(),
});
export type EnrollmentTokenCreated = z.infer<typeof enrollmentTokenCreatedSchema>;

export const auditEntrySchema = z.object({
  id: z.string(),
  at: instant,
  actor: z.string(),
  address: z.string().nullable(),
  action: z.string(),
  target: z.string().nullable(),
  outcome: z.enum(["ok", "refused"]),
  details: z.record(z.string(), z.unknown()),
});
export type AuditEntry = z.infer<typeof auditEntrySchema>;
export const auditPageSchema = page(auditEntrySchema);
