/** People who log in. */
export interface UsersTable {
  id: string;
  /** As it was typed when created; `username_key` is the same in lower case and is unique. */
  username: string;
  username_key: string;
  /** PHC string of argon2id. */
  password_hash: string;
  role: string;
  disabled: number;
  created_at: number;
  last_login_at: number | null;
}

/** A browser that is logged in. Only the SHA-256 of its cookie is kept. */
export interface UserSessionsTable {
  secret_hash: string;
  id: string;
  user_id: string;
  created_at: number;
  /** Written at most once a minute. */
  used_at: number;
  expires_at: number;
}

/** Programs. Only the SHA-256 of the token is kept. */
export interface ApiTokensTable {
  id: string;
  name: string;
  hint: string;
  secret_hash: string;
  /** JSON list of roles. */
  scopes: string;
  created_at: number;
  created_by: string;
  /** The person whose rights bound the token's; null for the one of the first start. */
  owner_id: string | null;
  expires_at: number | null;
  last_used_at: number | null;
}

/** Secrets that agents present. Only the SHA-256 is kept. */
export interface EnrollmentTokensTable {
  id: string;
  name: string;
  hint: string;
  secret_hash: string;
  created_at: number;
  created_by: string;
  expires_at: number | null;
  last_used_at: number | null;
}

/** Who did what, and what was refused. Rows are only ever added and, when old, pruned. */
export interface AuditTable {
  id: string;
  at: number;
  actor: string;
  address: string | null;
  action: string;
  target: string | null;
  outcome: string;
  details: string;
}

export interface AccessTables {
  users: UsersTable;
  user_sessions: UserSessionsTable;
  api_tokens: ApiTokensTable;
  enrollment_tokens: EnrollmentTokensTable;
  audit: AuditTable;
}
