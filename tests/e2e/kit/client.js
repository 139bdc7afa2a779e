// Real Socket.IO clients, each with an inbox, so that nothing is lost between two awaits.

import assert from "node:assert/strict";
import { io as io31 } from "client-3.1";
import { io as io40 } from "client-4.0";
import { io as io48 } from "client-4.8";
import { token } from "./tokens.js";
import { within } from "./wait.js";

export const versions = { "3.1": io31, "4.0": io40, 4.8: io48 };

export const ways = {
  polling: { transports: ["polling"] },
  websocket: { transports: ["websocket"] },
  upgrade: { transports: ["polling", "websocket"] },
};

// Starts connecting; the socket is closed when the test ends.
export function open(t, url, options = {}, io = io48) {
  const socket = io(url, { forceNew: true, reconnection: false, autoConnect: false, ...options });
  const peer = new Peer(socket);
  t.after(() => {
    socket.disconnect();
    socket.io._close();
  });
  socket.connect();
  return peer;
}

// A socket that has been admitted to its namespace.
export async function connected(t, url, options, io) {
  const peer = open(t, url, options, io);
  await peer.admitted();
  return peer;
}

// A socket that has been admitted with an access token in its handshake.
export async function member(t, url, { claims, ...options } = {}, io) {
  return connected(t, url, { auth: { token: token(claims) }, ...options }, io);
}

export class Peer {
  #arrived = new Map();
  #waiting = new Map();
  #taken = new Map();

  constructor(socket) {
    this.socket = socket;
    this.history = [];
    for (const event of ["connect", "connect_error", "disconnect"]) {
      socket.on(event, (...args) => this.#deliver(event, args));
    }
    socket.onAny((event, ...args) => this.#deliver(event, args));
  }

  get id() {
    return this.socket.id;
  }

  // The arguments of the next event of this name that no earlier call has taken.
  next(event, cap) {
    const taken = this.#taken.get(event) ?? 0;
    this.#taken.set(event, taken + 1);
    const arrived = this.seen(event);
    if (taken < arrived.length) {
      return Promise.resolve(arrived[taken]);
    }
    const arrival = new Promise((done) => {
      this.#waiting.set(event, [...(this.#waiting.get(event) ?? []), done]);
    });
    return within(`the event ${event}`, arrival, cap);
  }

  // The arguments of every event of this name so far.
  seen(event) {
    return this.#arrived.get(event) ?? [];
  }

  admitted() {
    this.#taken.set("connect", (this.#taken.get("connect") ?? 0) + 1);
    if (this.socket.connected) {
      return Promise.resolve();
    }
    const answer = new Promise((done, fail) => {
      this.socket.once("connect", done);
      this.socket.once("connect_error", fail);
    });
    return within("the connection", answer);
  }

  // The `unauthorized` object and then the reason of the disconnect, in that order.
  async refused() {
    const [reason] = await this.next("disconnect");
    assert.deepEqual(this.history.slice(-2), ["unauthorized", "disconnect"]);
    const [refusal] = this.seen("unauthorized").at(-1);
    return { refusal, reason };
  }

  emit(event, ...args) {
    this.socket.emit(event, ...args);
  }

  // The first argument of the acknowledgement.
  ask(event, ...args) {
    const answer = new Promise((done) => this.socket.emit(event, ...args, done));
    return within(`the acknowledgement of ${event}`, answer);
  }

  async join(...rooms) {
    const answer = await this.ask("join", { rooms });
    assert.equal(answer.status, "ok", JSON.stringify(answer));
    return answer.rooms;
  }

  async upgraded() {
    const { engine } = this.socket.io;
    if (engine.transport.name !== "websocket") {
      await within("the upgrade", new Promise((done) => engine.once("upgrade", done)));
    }
  }

  // The end of the connection below: older clients cannot connect again before it.
  closed() {
    return within("the connection to close", new Promise((done) => this.socket.io.engine.once("close", done)));
  }

  heartbeats(count) {
    const beats = new Promise((done) => this.socket.io.on("ping", () => (count -= 1) === 0 && done()));
    return within("the heartbeats", beats);
  }

  get transport() {
    return this.socket.io.engine.transport.name;
  }

  #deliver(event, args) {
    this.history.push(event);
    this.#arrived.set(event, [...this.seen(event), args]);
    this.#waiting.get(event)?.shift()?.(args);
  }
}
