// The yardstick: a Fastify route that reads a ConfigServer request with the same codec, and answers it the same way, knowing nothing.
import { G0_MESSAGES, G1_MESSAGES } from "@muster/protocols/configserver";
import fastify from "fastify";

const app = fastify({ logger: false, bodyLimit: 4 * 1024 * 1024 });
app.removeAllContentTypeParsers();
app.addContentTypeParser("*", { parseAs: "buffer" }, (_request, body, done) => done(null, body));

type Answer = (body: Buffer) => Uint8Array | undefined;

const beatG0: Answer = (body) => {
  const decoded = G0_MESSAGES.HeartBeatRequest.decode(body);
  if (!decoded.ok) return undefined;
  const { requestId: responseId } = decoded.message;
  return G0_MESSAGES.HeartBeatResponse.encode({ responseId, code: "Accept", message: "Send heartbeat success" });
};

const beatG1: Answer = (body) => {
  const decoded = G1_MESSAGES.HeartBeatRequest.decode(body);
  if (!decoded.ok) return undefined;
  const message = "Send heartbeat successGet config update infos success";
  return G1_MESSAGES.HeartBeatResponse.encode({ requestId: decoded.message.requestId, message });
};

const listG0: Answer = (body) => {
  const decoded = G0_MESSAGES.AgentGetConfigListRequest.decode(body);
  if (!decoded.ok) return undefined;
  const { requestId: responseId, configVersions } = decoded.message;
  const configUpdateInfos = [...configVersions.keys()].map((configName) => ({ configName }));
  const head = { responseId, code: "Accept", message: "Get config update infos success" };
  return G0_MESSAGES.AgentGetConfigListResponse.encode({ ...head, configUpdateInfos });
};

const routes: readonly (readonly [string, Answer])[] = [
  ["/configserver/g0/Agent/HeartBeat", beatG0],
  ["/configserver/g1/Agent/HeartBeat", beatG1],
  ["/configserver/g0/Agent/GetConfigList", listG0],
];
for (const [path, answer] of routes)
  app.post(path, (request, reply) => {
    const bytes = answer(request.body as Buffer);
    reply
      .code(bytes ? 200 : 400)
      .type("application/x-protobuf")
      .send(bytes);
  });
console.log(await app.listen({ host: "127.0.0.1", port: 0 }));
