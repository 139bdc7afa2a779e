// How a client says who it is: the events of each dialect and the answers they get.

import { bearer, failure, success, verify } from "./auth.js";

const tokenIn = (payload) => (typeof payload === "string" ? payload : payload?.token ?? payload?.accessToken ?? payload?.access_token);

export const handshakeToken = (socket) => socket.handshake.auth.token ?? bearer(socket.handshake.headers);

function unauthorized(socket, refusal) {
  socket.emit("unauthorized", refusal);
  socket.disconnect();
}

export const dialects = {
  authentication: {
    event: "authentication",
    verify: (socket, [payload], settings) => verify(tokenIn(payload), settings, socket.id),
    accept: (socket) => {
      socket.emit("authenticated", success);
      return success;
    },
    refuse: unauthorized,
  },

  authenticate: {
    event: "authenticate",
    verify: (socket, _, settings) => verify(handshakeToken(socket), settings, socket.id),
    accept: (socket) => {
      const answer = { id: socket.id, time: new Date().toISOString() };
      socket.emit("authenticated", answer);
      return answer;
    },
    refuse: (socket) => {
      socket.emit("unauthenticated");
      socket.disconnect();
    },
  },

  initialConnection: {
    event: "initialConnection",
    verify: (socket, [payload], settings) => {
      const outcome = verify(payload?.secretkey, settings, socket.id);
      const impostor = outcome.claims && (outcome.claims.sub === undefined || outcome.claims.sub !== payload.id);
      return impostor ? { refusal: failure(socket.id) } : outcome;
    },
    accept: (socket) => {
      socket.emit("auth", true);
      return true;
    },
    refuse: (socket) => {
      socket.emit("auth", false);
      socket.disconnect();
    },
  },
};
