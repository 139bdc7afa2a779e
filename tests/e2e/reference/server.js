// The Node twin of the product, so that every test can be checked against the reference implementation.

import { once } from "node:events";
import { createServer } from "node:http";
import { Server } from "socket.io";
import { internal } from "./api.js";
import { page } from "./demo.js";
import { serve } from "./namespace.js";

const given = JSON.parse(process.env.REFERENCE_SETTINGS);
const settings = {
  dev: false,
  path: "/socket.io",
  namespaces: ["/"],
  ...given,
  engine: { ping_interval: "25s", ping_timeout: "20s", connect_timeout: "10s", ...given.engine },
  auth: { dialect: "authentication", required: true, rooms: [], ...given.auth, deadline: milliseconds(given.auth.deadline ?? "10s") },
  api: { max_body: 1_048_576, max_rooms: 128, ...given.api },
  client: { join: [], relay: [], ...given.client },
};

const publicHttp = createServer();
const io = new Server(publicHttp, {
  path: settings.path,
  transports: settings.engine.transports ?? ["polling", "websocket"],
  maxHttpBufferSize: settings.engine.max_http_buffer_size ?? 1_000_000,
  allowUpgrades: settings.engine.allow_upgrades ?? true,
  pingInterval: milliseconds(settings.engine.ping_interval),
  pingTimeout: milliseconds(settings.engine.ping_timeout),
  connectTimeout: milliseconds(settings.engine.connect_timeout),
  cors: settings.cors && { origin: settings.cors.origins, credentials: settings.cors.credentials },
  allowRequest: ({ headers }, decide) => decide(null, mayConnect(headers.origin)),
  serveClient: false,
});
settings.namespaces.forEach((name) => serve(io.of(name), settings));
const internalHttp = createServer(internal(io, settings));

const publicUrl = await listen(publicHttp, settings.listen);
const internalUrl = await listen(internalHttp, settings.internal_listen);
const show = settings.dev ? page(settings, internalUrl) : (_, response) => response.writeHead(404).end();
publicHttp.on("request", (request, response) => {
  if (!request.url.startsWith(settings.path)) {
    show(request, response);
  }
});
console.log(`sockeye listening on ${publicUrl} internal ${internalUrl}`);

for (const signal of ["SIGTERM", "SIGINT"]) {
  process.on(signal, async () => {
    internalHttp.close();
    internalHttp.closeAllConnections();
    const closed = io.close();
    publicHttp.closeIdleConnections();
    await closed;
    process.exit(0);
  });
}

async function listen(server, address) {
  const [host, port] = address.split(":");
  server.listen(Number(port), host);
  await once(server, "listening");
  return `http://${host}:${server.address().port}`;
}

function mayConnect(origin) {
  const allowed = settings.origins?.allow ?? ["*"];
  const matches = (pattern) => {
    const [scheme, parent] = pattern.split("//*");
    return pattern === "*" || pattern === origin || (parent && origin.startsWith(`${scheme}//`) && origin.endsWith(parent));
  };
  return origin === undefined || allowed.some(matches);
}

function milliseconds(text) {
  const [, number, unit] = text.match(/^(\d+)(ms|s)$/);
  return Number(number) * (unit === "s" ? 1000 : 1);
}
