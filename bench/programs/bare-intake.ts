// The yardstick: a Fastify route that reads the body of a write and does nothing with it.
import fastify from "fastify";

const app = fastify({ logger: false, bodyLimit: 64 * 1024 * 1024 });
app.removeAllContentTypeParsers();
app.addContentTypeParser("*", { parseAs: "buffer" }, (_request, body, done) => done(null, body));
app.post("/v1/write/metric", async () => ({}));
console.log(await app.listen({ host: "127.0.0.1", port: 0 }));
