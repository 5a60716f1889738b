import type { CountOrShare } from "@muster/core";
import { InvalidArgumentError } from "commander";
import { countOrShare } from "../values.ts";

/** "1,10%,100%". */
export function shareList(text: string): CountOrShare[] {
  const sizes = text.split(",").map((size) => countOrShare(size.trim()));
  if (sizes.at(-1) !== "100%") throw new InvalidArgumentError("the last wave must be 100%");
  return sizes;
}
