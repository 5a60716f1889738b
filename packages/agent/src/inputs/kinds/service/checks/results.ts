/** How a check ended; the number is what alerts compare with. */
export const CHECK_RESULTS = {
  success: 0,
  mismatch: 1,
  timeout: 2,
  refused: 3,
  unknown_host: 4,
  tls: 5,
  failed: 6,
} as const;

export type CheckResult = keyof typeof CHECK_RESULTS;

/** For the documentation of the tag `result` and the field `result_code`. */
export const RESULT_WORDS =
  "success 0, mismatch 1 (an answer, and not the wanted one), timeout 2, refused 3, unknown_host 4, tls 5, failed 6";

/** The result that a message of `describeFailure` stands for. */
export function classifyFailure(message: string): CheckResult {
  if (message.startsWith("no answer from")) return "timeout";
  if (message.startsWith("connection refused")) return "refused";
  if (message.startsWith("no address is known") || message.startsWith("the name servers")) return "unknown_host";
  return message.startsWith("the certificate of") ? "tls" : "failed";
}
