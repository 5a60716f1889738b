import { type CountOrShare, parseDuration } from "@muster/core";
import { InvalidArgumentError } from "commander";

/** For flags that may be repeated. */
export function collect(value: string, earlier: readonly string[] = []): string[] {
  return [...earlier, value];
}

/** "30s", "5m" in milliseconds. */
export function durationMs(text: string): number {
  const parsed = parseDuration(text);
  if (parsed === undefined || parsed <= 0) throw new InvalidArgumentError("expected a duration such as 30s, 5m or 2h");
  return parsed;
}

/** "50" or "10%". */
export function countOrShare(text: string): CountOrShare {
  if (/^\d{1,7}$/.test(text)) return Number(text);
  if (/^(100|\d{1,2})(\.\d+)?%$/.test(text)) return text as CountOrShare;
  throw new InvalidArgumentError("expected a number or a share such as 10%");
}

/** A number of things, at least one. */
export function positiveCount(text: string): number {
  if (!/^[1-9]\d{0,6}$/.test(text)) throw new InvalidArgumentError("expected a positive number");
  return Number(text);
}
