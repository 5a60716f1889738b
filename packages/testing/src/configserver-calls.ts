import { type Agent, request as httpRequest } from "node:http";
import { CONFIGSERVER_METHODS, type ConfigServerAnswer, type ConfigServerUserAction } from "./configserver-schemas.ts";
import { decodeTiny, encodeTiny, type TinyMessage, type TinySchema } from "./tiny-protobuf.ts";

export interface ConfigServerCall {
  /** Up to and without `/User` or `/Agent`. */
  readonly baseUrl: string;
  readonly path: string;
  readonly method: string;
  readonly body: Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
  /** Kept-alive connections; absent: one for this request alone, as the originals do. */
  readonly agent?: Agent;
}

/** One request as it is, with a body whatever the method. */
export function sendToConfigServer(call: ConfigServerCall): Promise<Omit<ConfigServerAnswer, "body">> {
  return new Promise((resolve, reject) => {
    const { method, body, headers } = call;
    const sent = { "content-length": String(body.length), ...headers };
    const request = httpRequest(`${call.baseUrl}${call.path}`, { method, headers: sent, agent: call.agent ?? false });
    request.on("response", (response) => {
      const parts: Buffer[] = [];
      response.on("data", (part: Buffer) => parts.push(part));
      response.on("error", reject);
      response.on("end", () => {
        const contentType = response.headers["content-type"] ?? null;
        resolve({ status: response.statusCode ?? 0, contentType, bytes: Buffer.concat(parts) });
      });
    });
    request.on("error", reject);
    request.end(body);
  });
}

type Actions = Readonly<Record<string, { readonly request: TinySchema; readonly response: TinySchema }>>;

/** Asks for an action by its name, in the words of one generation. */
export interface ConfigServerClient {
  user(
    action: ConfigServerUserAction,
    message?: TinyMessage,
    how?: Partial<ConfigServerCall>,
  ): Promise<ConfigServerAnswer>;
  agent(action: string, message?: TinyMessage, how?: Partial<ConfigServerCall>): Promise<ConfigServerAnswer>;
}

export function createConfigServerClient(
  baseUrl: string,
  actions: Actions,
  defaults: Partial<ConfigServerCall> = {},
): ConfigServerClient {
  const call = async (path: string, name: string, message: TinyMessage, how: Partial<ConfigServerCall>) => {
    const { request, response } = actions[name] ?? {};
    if (!request || !response) throw new Error(`this generation has no action ${name}`);
    const body = encodeTiny(request, message);
    const answer = await sendToConfigServer({ baseUrl, path, method: "POST", body, ...defaults, ...how });
    return { ...answer, body: decodeOrUndefined(response, answer.bytes) };
  };
  return {
    user: (name, message = {}, how = {}) =>
      call(`/User/${name}`, name, message, { method: CONFIGSERVER_METHODS[name], ...how }),
    agent: (name, message = {}, how = {}) => call(`/Agent/${name}`, name, message, how),
  };
}

function decodeOrUndefined(schema: TinySchema, bytes: Uint8Array): TinyMessage {
  try {
    return decodeTiny(schema, bytes);
  } catch {
    return undefined; // a text, such as the page of an unknown path
  }
}
