import { newApiToken, newEnrollmentToken, newPassword } from "@muster/core";
import type { AccessContext } from "./access.ts";
import { type EnrollmentTokens, newEnrollmentRow } from "./access-enrollment.ts";
import { newTokenRow } from "./access-tokens.ts";
import { newUserRow } from "./access-users.ts";

/** What an operator may choose for the first start; what is absent is random. */
export interface FirstRunSecrets {
  readonly adminPassword?: string | undefined;
  readonly enrollmentToken?: string | undefined;
  readonly apiToken?: string | undefined;
}

/** What must be shown once, since it is not known afterwards. `generated` names what the operator did not choose. */
export interface FirstRun {
  readonly username: string;
  readonly password: string;
  readonly enrollmentToken: string;
  readonly apiToken: string;
  readonly generated: readonly ("password" | "enrollmentToken" | "apiToken")[];
}

/** All of it or nothing: a crash in between leaves a store that is prepared again. */
export async function prepareFirstRun(
  context: AccessContext,
  enrollment: EnrollmentTokens,
  secrets: FirstRunSecrets,
): Promise<FirstRun | undefined> {
  const anybody = await context.store.db.selectFrom("users").select("id").limit(1).executeTakeFirst();
  if (anybody) return undefined;
  const firstRun = chooseSecrets(secrets);
  const now = context.clock.now();
  const passwordHash = await context.passwords.hash(firstRun.password);
  const by = { name: "server", ownerId: null };
  const common = { name: "first start", expiresAt: null, now };
  const enrollmentRow = newEnrollmentRow({ ...common, secret: firstRun.enrollmentToken, createdBy: by.name });
  await context.store.transaction(async (queries) => {
    await queries
      .insertInto("users")
      .values(newUserRow({ username: firstRun.username, role: "admin", passwordHash, now }))
      .execute();
    await queries
      .insertInto("api_tokens")
      .values(newTokenRow({ ...common, scopes: ["admin"], secret: firstRun.apiToken, by }))
      .execute();
    await queries.insertInto("enrollment_tokens").values(enrollmentRow).execute();
  });
  enrollment.remember(enrollmentRow);
  return firstRun;
}

function chooseSecrets(secrets: FirstRunSecrets): FirstRun {
  const generated: FirstRun["generated"][number][] = [];
  const choose = (name: FirstRun["generated"][number], given: string | undefined, generate: () => string): string => {
    if (given !== undefined) return given;
    generated.push(name);
    return generate();
  };
  return {
    username: "admin",
    password: choose("password", secrets.adminPassword, newPassword),
    enrollmentToken: choose("enrollmentToken", secrets.enrollmentToken, newEnrollmentToken),
    apiToken: choose("apiToken", secrets.apiToken, newApiToken),
    generated,
  };
}
