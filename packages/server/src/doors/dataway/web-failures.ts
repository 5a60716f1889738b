import { type DatawayError, type DatawayErrorCode, fromMusterError, makeFailure } from "@muster/protocols/dataway";

/** A failure that this door has found itself. */
export class WebFailure extends Error {
  readonly code: DatawayErrorCode;

  constructor(code: DatawayErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** What the web is told of a failure. The text of an internal one stays here. */
export function describeFailure(error: unknown): { readonly failure: DatawayError; readonly isInternal: boolean } {
  if (error instanceof WebFailure) {
    const { code, status, message } = makeFailure(error.code, error.message);
    return { failure: { code, status, msg: message }, isInternal: false };
  }
  const failure = fromMusterError(error);
  return { failure, isInternal: failure.code === "dataway.internalError" };
}
