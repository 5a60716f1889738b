import { randomUUID } from "node:crypto";
import type { Generation as GenerationName } from "@muster/protocols/configserver";
import type { Dialect } from "./http.ts";

type Loose = Readonly<Record<string, unknown>>;

const textId = { newRequestId: () => randomUUID() };

/** What the answers of each generation have in common. */
export const DIALECTS: Readonly<Record<GenerationName, Dialect>> = {
  g0: {
    ...textId,
    judge: (response, requestId) => {
      const { responseId, code, message } = response as Loose;
      const refusal = code === "Accept" ? undefined : { code: String(code), message: String(message) };
      return { isOurs: responseId === requestId, refusal };
    },
  },
  g1: {
    ...textId,
    judge: (response, requestId) => {
      const { requestId: answered, code, message } = response as Loose;
      const refusal = code === 0 ? undefined : { code: `code ${code}`, message: String(message) };
      return { isOurs: answered === requestId, refusal };
    },
  },
  g2: {
    newRequestId: () => Buffer.from(randomUUID()),
    judge: (response, requestId) => {
      const { requestId: answered, commonResponse } = response as Loose;
      const { status = 0, errorMessage = new Uint8Array(0) } = (commonResponse ?? {}) as Loose;
      const message = Buffer.from(errorMessage as Uint8Array).toString("utf8");
      const isOurs = Buffer.from(answered as Uint8Array).equals(requestId as Uint8Array);
      return { isOurs, refusal: status === 0 ? undefined : { code: `status ${status}`, message } };
    },
  },
};
