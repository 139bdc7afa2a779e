// One namespace: the deadline, the events of the dialect, and what authenticated clients may do by themselves.

import { failure, mayJoin, roomsFor, verify } from "./auth.js";
import { dialects, handshakeToken } from "./dialects.js";

export function serve(namespace, settings) {
  const dialect = dialects[settings.auth.dialect];

  namespace.use((socket, next) => {
    const token = handshakeToken(socket);
    if (dialect.event !== "authentication" || token === undefined) {
      return next();
    }
    const { claims, refusal } = verify(token, settings, socket.id);
    if (refusal) {
      return next(Object.assign(new Error(refusal.message), { data: refusal }));
    }
    admit(socket, claims, settings);
    next();
  });

  namespace.on("connection", (socket) => {
    if (!socket.data.claims) {
      awaitAuthentication(socket, dialect, settings);
    }
    socket.use(([event], next) => {
      if (socket.data.claims) {
        next();
      }
    });
    socket.on("join", (wish, ack) => move(socket, "join", wish, settings, ack));
    socket.on("leave", (wish, ack) => move(socket, "leave", wish, settings, ack));
    for (const event of settings.client.relay) {
      socket.on(event, (...args) => relay(socket, event, args));
    }
  });
}

function admit(socket, claims, settings) {
  socket.data.claims = claims;
  socket.join(roomsFor(claims, settings.auth.rooms));
}

function awaitAuthentication(socket, dialect, settings) {
  const refuse = (refusal, ack) => {
    ack?.(refusal);
    dialect.refuse(socket, refusal);
  };
  const timer = settings.auth.required ? setTimeout(() => refuse(failure(socket.id)), settings.auth.deadline) : undefined;
  socket.on("disconnect", () => clearTimeout(timer));
  socket.use(([event, ...args], next) => {
    if (event !== dialect.event || socket.data.claims) {
      return next();
    }
    clearTimeout(timer);
    const ack = typeof args.at(-1) === "function" ? args.pop() : undefined;
    const { claims, refusal } = dialect.verify(socket, args, settings);
    if (refusal) {
      return refuse(refusal, ack);
    }
    admit(socket, claims, settings);
    const answer = dialect.accept(socket);
    ack?.(answer);
  });
}

function move(socket, direction, wish, settings, ack) {
  const rooms = typeof wish === "string" ? [wish] : wish?.rooms ?? [wish?.room];
  const allowed = Array.isArray(rooms) && rooms.every((room) => typeof room === "string" && mayJoin(room, settings.client.join, socket.nsp));
  if (!allowed) {
    return ack?.({ status: "error", message: "room not allowed" });
  }
  rooms.forEach((room) => socket[direction](room));
  ack?.({ status: "ok", rooms: [...socket.rooms].filter((room) => room !== socket.id) });
}

function relay(socket, event, args) {
  const ack = typeof args.at(-1) === "function" ? args.pop() : undefined;
  const room = args[0]?.room;
  if (!socket.rooms.has(room)) {
    return ack?.({ status: "error", message: "not in this room" });
  }
  socket.to(room).emit(event, ...args, { from: socket.id, user: socket.data.claims.sub ?? null });
  ack?.({ status: "ok", sockets: socket.nsp.adapter.rooms.get(room).size - 1 });
}
