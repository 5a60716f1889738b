import { createCipheriv, createDecipheriv, hash, randomBytes } from "node:crypto";
import { type Clock, CONFIG_LIMITS, MusterError, toIso } from "@muster/core";
import type { ConfigSecret } from "@muster/core/resources";
import type { Queries, Store } from "../store/store.ts";
import type { CatalogChange } from "./config-catalog.ts";
import { nextEpoch } from "./config-epoch.ts";
import { type Author, addRevision, type ConfigRow, getRevision } from "./config-rows.ts";

/** Where the key of secrets is kept: 32 bytes, the same for every process of an installation. */
export interface KeySource {
  /** Undefined when there is none yet. */
  load(): Uint8Array | undefined;
  /** Makes one. Throws when somebody else just did. */
  create(): Uint8Array;
}

/** A key that lives as long as the process. */
export function memoryKey(): KeySource {
  let key: Uint8Array | undefined;
  return {
    load: () => key,
    create: () => {
      key = randomBytes(32);
      return key;
    },
  };
}

interface SecretsParts {
  readonly store: Store;
  readonly clock: Clock;
  readonly keys: KeySource;
  readonly onChanged: (epoch: number, changes: readonly CatalogChange[]) => Promise<void>;
}

const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const NAME = /^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$/;

/**
 * Values that texts ask for by `${secret.NAME}` and that nobody gets to see: AES-256-GCM with a key outside of the database.
 * A changed one reaches agents as a new revision of every config that groups have and that asks for it.
 */
export class Secrets {
  readonly #parts: SecretsParts;
  #key: { readonly id: string; readonly bytes: Uint8Array } | undefined;

  constructor(parts: SecretsParts) {
    this.#parts = parts;
  }

  async list(): Promise<ConfigSecret[]> {
    const { db } = this.#parts.store;
    const rows = await db
      .selectFrom("config_secrets")
      .select(["name", "description", "updated_at", "updated_by"])
      .orderBy("name")
      .execute();
    const users = await listUsers(db);
    return rows.map((row) => ({
      name: row.name,
      description: row.description,
      updatedAt: toIso(row.updated_at),
      updatedBy: row.updated_by,
      usedBy: users.get(row.name) ?? [],
    }));
  }

  /** Stores a value. `revised`: ids of the configs that have got a new revision by this. */
  async put(name: string, write: { value: string; description?: string }, by: string): Promise<{ revised: string[] }> {
    if (name.length > CONFIG_LIMITS.nameLength || !NAME.test(name))
      throw new MusterError("invalid_argument", "a secret is named by letters, digits, dots, dashes and underscores", {
        field: "name",
      });
    if (write.value === "" || Buffer.byteLength(write.value) > CONFIG_LIMITS.secretBytes)
      throw new MusterError("invalid_argument", "a secret is 1 byte to 64 KiB of text", { field: "value" });
    await this.#assertKeyFits();
    const key = this.#keyToWrite();
    const author = { by, now: this.#parts.clock.now() };
    const { epoch, changes, revised } = await this.#parts.store.transaction(async (queries) => {
      const epoch = await nextEpoch(queries);
      const before = await queries.selectFrom("config_secrets").selectAll().where("name", "=", name).executeTakeFirst();
      const row = {
        description: write.description ?? before?.description ?? "",
        key_id: key.id,
        sealed: seal(key.bytes, name, write.value),
        updated_at: author.now,
        updated_by: by,
      };
      await queries
        .insertInto("config_secrets")
        .values({ name, ...row })
        .onConflict((conflict) => conflict.column("name").doUpdateSet(row))
        .execute();
      const secret: CatalogChange = { kind: "secret", name, value: write.value };
      const isNew = !before || open(key, before) !== write.value;
      const { revised, changes } = isNew ? await reviseUsers(queries, name, author) : { revised: [], changes: [] };
      return { epoch, revised, changes: [secret, ...changes] };
    });
    await this.#parts.onChanged(epoch, changes);
    return { revised };
  }

  async remove(name: string): Promise<void> {
    const epoch = await this.#parts.store.transaction(async (queries) => {
      const epoch = await nextEpoch(queries);
      const usedBy = (await listUsers(queries)).get(name) ?? [];
      if (usedBy.length > 0)
        throw new MusterError("failed_precondition", `the secret is used by ${usedBy.join(", ")}`, { usedBy });
      const result = await queries.deleteFrom("config_secrets").where("name", "=", name).executeTakeFirst();
      if (result.numDeletedRows === 0n) throw new MusterError("not_found", "there is no such secret", { name });
      return epoch;
    });
    await this.#parts.onChanged(epoch, [{ kind: "secret", name, value: null }]);
  }

  /** All values; of those that another key has sealed there is none here. */
  async read(): Promise<Map<string, string>> {
    const rows = await this.#parts.store.db.selectFrom("config_secrets").selectAll().execute();
    const values = new Map<string, string>();
    const key = rows.length === 0 ? undefined : this.#loadKey();
    if (!key) return values;
    for (const row of rows) {
      const value = open(key, row);
      if (value !== undefined) values.set(row.name, value);
    }
    return values;
  }

  #loadKey() {
    if (this.#key) return this.#key;
    const bytes = this.#parts.keys.load();
    this.#key = bytes && { bytes, id: idOf(bytes) };
    return this.#key;
  }

  #keyToWrite() {
    const loaded = this.#loadKey();
    if (loaded) return loaded;
    const bytes = this.#parts.keys.create();
    this.#key = { bytes, id: idOf(bytes) };
    return this.#key;
  }

  /** Two keys in one installation: what one process writes another could not read. */
  async #assertKeyFits(): Promise<void> {
    const row = await this.#parts.store.db.selectFrom("config_secrets").select("key_id").limit(1).executeTakeFirst();
    if (!row || row.key_id === this.#loadKey()?.id) return;
    const message = `the secrets of this installation are sealed with key ${row.key_id}, and this process has ${
      this.#key ? `key ${this.#key.id}` : "no key"
    }: every process needs the same key file (--secrets-key-file)`;
    throw new MusterError("failed_precondition", message, { keyId: row.key_id });
  }
}

/** Configs whose newest revision asks for a secret, by the secret's name. */
async function listUsers(queries: Queries): Promise<Map<string, string[]>> {
  const rows = await queries
    .selectFrom("configs")
    .innerJoin("config_revisions", (join) =>
      join
        .onRef("config_revisions.config_id", "=", "configs.id")
        .onRef("config_revisions.revision", "=", "configs.revision"),
    )
    .select(["configs.name", "config_revisions.variables"])
    .where("configs.deleted_at", "is", null)
    .where("config_revisions.variables", "like", '%"secret.%')
    .orderBy("configs.name")
    .execute();
  const users = new Map<string, string[]>();
  for (const row of rows) {
    for (const variable of JSON.parse(row.variables) as string[]) {
      if (!variable.startsWith("secret.")) continue;
      const name = variable.slice("secret.".length);
      users.set(name, [...(users.get(name) ?? []), row.name]);
    }
  }
  return users;
}

/** Every revision that groups have and that asks for the secret is written again, under a number that agents fetch. */
async function reviseUsers(queries: Queries, secret: string, author: Author) {
  const assigned = await queries
    .selectFrom("config_assignments")
    .innerJoin("config_revisions", (join) =>
      join
        .onRef("config_revisions.config_id", "=", "config_assignments.config_id")
        .onRef("config_revisions.revision", "=", "config_assignments.revision"),
    )
    .select(["config_assignments.config_id", "config_assignments.revision", "config_revisions.variables"])
    .distinct()
    .where("config_revisions.variables", "like", '%"secret.%')
    .execute();
  const concerned = assigned.filter((row) => (JSON.parse(row.variables) as string[]).includes(`secret.${secret}`));
  const changes: CatalogChange[] = [];
  const byConfig = Map.groupBy(concerned, (row) => row.config_id);
  for (const [configId, rows] of byConfig) {
    const row = await queries.selectFrom("configs").selectAll().where("id", "=", configId).executeTakeFirstOrThrow();
    const given = rows.map(({ revision }) => revision).sort((left, right) => left - right);
    changes.push(...(await reviseConfig(queries, row, { given, secret, author })));
  }
  return { revised: [...byConfig.keys()], changes };
}

async function reviseConfig(
  queries: Queries,
  before: ConfigRow,
  { given, secret, author }: { given: readonly number[]; secret: string; author: Author },
): Promise<CatalogChange[]> {
  const changes: CatalogChange[] = [];
  const message = `secret ${secret} changed`;
  let row = before;
  // what was the newest stays the newest, also when no group has it yet
  for (const revision of given.includes(before.revision) ? given : [...given, before.revision]) {
    const { text } = await getRevision(queries, row.id, revision);
    const stored = await addRevision(queries, row, { text, message, author });
    row = stored.row;
    const groups = await queries
      .updateTable("config_assignments")
      .set({ revision: row.revision, assigned_at: author.now, assigned_by: author.by })
      .where("config_id", "=", row.id)
      .where("revision", "=", revision)
      .returning("group_id")
      .execute();
    changes.push(...stored.changes);
    for (const { group_id } of groups)
      changes.push({ kind: "assigned", configId: row.id, groupId: group_id, revision: row.revision });
  }
  return changes;
}

function idOf(key: Uint8Array): string {
  return hash("sha256", Buffer.concat([Buffer.from("muster secrets\n"), key]), "hex").slice(0, 16);
}

/** Nonce, tag, ciphertext. The name is authenticated too: a value cannot be put in the place of another. */
function seal(key: Uint8Array, name: string, value: string): Buffer {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv("aes-256-gcm", key, nonce).setAAD(Buffer.from(name));
  const sealed = Buffer.concat([cipher.update(value, "utf8"), cipher.final()]);
  return Buffer.concat([nonce, cipher.getAuthTag(), sealed]);
}

function open(
  key: { readonly id: string; readonly bytes: Uint8Array },
  row: { readonly name: string; readonly key_id: string; readonly sealed: Uint8Array },
): string | undefined {
  if (row.key_id !== key.id) return undefined;
  try {
    const nonce = row.sealed.subarray(0, NONCE_BYTES);
    const decipher = createDecipheriv("aes-256-gcm", key.bytes, nonce, { authTagLength: TAG_BYTES })
      .setAAD(Buffer.from(row.name))
      .setAuthTag(row.sealed.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES));
    const text = decipher.update(row.sealed.subarray(NONCE_BYTES + TAG_BYTES));
    return Buffer.concat([text, decipher.final()]).toString("utf8");
  } catch {
    return undefined; // somebody has changed the row
  }
}
