import { type Clock, delay, hasCode } from "@muster/core";
import type { Command, CommandRequest } from "@muster/core/resources";
import type { MusterClient } from "@muster/sdk";

const RETRY_DELAYS_MS = [250, 500, 1000, 2000] as const;

/** What a submission needs. `onRetry` is told why it goes again. */
export interface Submission {
  readonly client: MusterClient;
  readonly clock: Clock;
  readonly request: CommandRequest;
  readonly onRetry: (reason: string) => void;
}

/**
 * Sends the command until the server has answered. An answer lost on the way is asked for again under the same
 * idempotency key, so that nothing runs twice.
 */
export async function submitCommand(submission: Submission): Promise<Command> {
  const { client, clock, request, onRetry } = submission;
  const key = crypto.randomUUID();
  for (const delayMs of RETRY_DELAYS_MS) {
    try {
      return await client.commands.create(request, key);
    } catch (error) {
      if (!hasCode(error, "unavailable")) throw error;
      onRetry(error.message);
    }
    await delay(clock, delayMs);
  }
  return client.commands.create(request, key);
}
