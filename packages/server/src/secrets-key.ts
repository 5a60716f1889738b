import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { MusterError } from "@muster/core";
import type { KeySource } from "./fleet/secrets.ts";

const KEY_BYTES = 32;

/** The key of secrets in a file: 64 hexadecimal digits, readable by its owner only. */
export function keyFile(path: string): KeySource {
  return {
    load() {
      let text: string;
      try {
        text = readFileSync(path, "utf8").trim();
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
        throw new MusterError("failed_precondition", `the key of secrets cannot be read from ${path}`, { path }, error);
      }
      if (!/^[0-9a-f]{64}$/i.test(text))
        throw new MusterError("failed_precondition", `${path} holds no key: 64 hexadecimal digits are expected`, {
          path,
        });
      return Buffer.from(text, "hex");
    },
    create() {
      const key = crypto.getRandomValues(Buffer.alloc(KEY_BYTES));
      mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
      try {
        writeFileSync(path, `${key.toString("hex")}\n`, { flag: "wx", mode: 0o600 });
      } catch (error) {
        throw new MusterError(
          "failed_precondition",
          `the key of secrets cannot be written to ${path}`,
          { path },
          error,
        );
      }
      return key;
    },
  };
}
