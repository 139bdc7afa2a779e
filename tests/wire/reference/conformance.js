// The reference twin of the `conformance` example: the same fixture on the official Node packages.
// README.md describes what both serve.
import { createServer } from "node:http";
import { setTimeout as delay } from "node:timers/promises";

import { attach } from "engine.io";
import { Server } from "socket.io";

const milliseconds = (name, otherwise) => Number(process.env[name] ?? otherwise);
const timers = {
  pingInterval: milliseconds("PING_INTERVAL_MS", 300),
  pingTimeout: milliseconds("PING_TIMEOUT_MS", 200),
};
const cors = process.env.CORS === "off" ? undefined : { origin: "*" };

const http = createServer((_request, response) => response.writeHead(404).end());

// Its upgrade listener must not end the upgrades that belong to the other path.
const engine = attach(http, { ...timers, cors, path: "/engine.io/", destroyUpgrade: false });
engine.on("connection", (session) => session.on("message", (data) => session.send(data)));

const io = new Server(http, { ...timers, cors, connectTimeout: milliseconds("CONNECT_TIMEOUT_MS", 1000) });
const reasons = [];
for (const namespace of ["/", "/custom"]) {
  io.of(namespace).on("connection", serve);
}

function serve(socket) {
  // Later than the CONNECT reply on purpose: a client that attaches its listener after that reply loses nothing.
  setTimeout(() => socket.connected && socket.emit("auth", socket.handshake.auth), 20);
  socket.on("disconnect", (reason) => reasons.push({ id: socket.id, reason }));
  const on = (event, handler) => socket.on(event, (...args) => handler(...split(args)));

  on("message", (args) => socket.emit("message-back", ...args));
  on("message-with-ack", (args, ack) => ack(...args));
  on("echo", (args) => socket.emit("echo", ...args));
  on(1, (args) => socket.emit("number-back", ...args));
  // The Node library also reports its own decoder errors as this event.
  on("error", (args) => args[0] instanceof Error || socket.emit("error-back", ...args));
  on("join", ([room], ack) => (socket.join(room), ack(room)));
  on("leave", ([room], ack) => (socket.leave(room), ack(room)));
  on("to", ([room, event, ...args]) => socket.to(room).emit(event, ...args));
  on("ask", ([event, ...args]) => socket.emit(event, ...args, (...answer) => socket.emit("answered", ...answer)));
  on("burst", ([count]) => {
    for (let index = 0; index < count; index += 1) socket.emit("burst", index);
  });
  on("late", async ([ms, ...args]) => {
    await delay(ms);
    socket.emit("late", ...args);
  });
  socket.onAny((name, ...args) => String(name).startsWith("again") && socket.emit(name, ...split(args)[0]));
  on("handshake", (_args, ack) => {
    const { query, url, xdomain, secure } = socket.handshake;
    ack({ query, url, xdomain, secure });
  });
  on("kick", () => socket.disconnect());
  on("kick-close", () => socket.disconnect(true));
  on("bye", () => {
    socket.emit("bye", "before");
    socket.disconnect();
    socket.emit("bye", "after");
  });
  on("reasons", (_args, ack) => ack(reasons));
}

function split(args) {
  const ack = typeof args.at(-1) === "function" ? args.pop() : () => {};
  return [args, ack];
}

http.listen(Number(process.env.PORT ?? 3000), () => {
  console.log(`listening on http://127.0.0.1:${http.address().port}`);
});
process.on("SIGTERM", () => process.exit(0));
