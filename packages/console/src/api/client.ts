import { MusterClient } from "@muster/sdk";

/** The server that served this page; the browser's cookie says who is asking. */
export const client = new MusterClient({ baseUrl: globalThis.location.origin });
