import assert from "node:assert/strict";

import { Polling, RS } from "./polling.js";
import { deferred, Queue } from "./queue.js";
import { WebSocketClient } from "./websocket.js";
import { within } from "./within.js";

export const TRANSPORTS = ["polling", "websocket"];

/**
 * An Engine.IO session that looks the same on both transports. A packet is text, or bytes for a binary message.
 * Pings are answered and, unless `greeting` is set, the fixture's `auth` events are left out.
 */
export class Peer {
  #inbox = new Queue();
  #closed = deferred();
  #greeting;
  #answersPings;
  #probes = 0;

  static async open(server, transport, { path = "/socket.io/", query = "", greeting = false, pong = true } = {}) {
    const wire = transport === "polling" ? new PollingWire() : new WebSocketWire();
    const peer = new Peer(wire, greeting, pong);
    peer.open = await wire.open(server, path, query, {
      received: (packet) => peer.#received(packet),
      closed: (how) => peer.#end(how),
    });
    return peer;
  }

  /** Opens one and enters a namespace. */
  static async join(server, transport, { namespace = "/", auth, ...options } = {}) {
    const peer = await Peer.open(server, transport, options);
    await peer.enter(namespace, auth);
    return peer;
  }

  constructor(wire, greeting, pong) {
    this.wire = wire;
    this.#greeting = greeting;
    this.#answersPings = pong;
  }

  get sid() {
    return this.open.sid;
  }

  /** Resolves with how the session was closed by the server. */
  get closed() {
    return within(this.#closed.promise, "the session to be closed");
  }

  /** Sends packets in one payload, or as frames of one write. */
  send(...packets) {
    return this.wire.send(packets);
  }

  next(what) {
    return this.#inbox.next(what ?? "a packet");
  }

  async expect(...packets) {
    for (const packet of packets) assert.deepEqual(await this.next(`packet ${packet}`), packet);
  }

  /** Sends CONNECT and reads its answer; returns the socket id. */
  async enter(namespace = "/", auth) {
    const prefix = namespace === "/" ? "" : `${namespace},`;
    await this.send(`40${prefix}${auth === undefined ? "" : JSON.stringify(auth)}`);
    const reply = await this.next("the answer to CONNECT");
    assert.ok(reply.startsWith(`40${prefix}{`), `CONNECT was answered ${reply}`);
    this.id = JSON.parse(reply.slice(2 + prefix.length)).sid;
    return this.id;
  }

  /** A round trip through the echo event: whatever the server sent before its answer. */
  async roundTrip(namespace = "/") {
    const prefix = namespace === "/" ? "" : `${namespace},`;
    const probe = `42${prefix}["echo","probe ${(this.#probes += 1)}"]`;
    await this.send(probe);
    return this.#until((packet) => packet === probe);
  }

  /** A round trip of a bare Engine.IO echo session. */
  async echoed() {
    const probe = `4probe ${(this.#probes += 1)}`;
    await this.send(probe);
    return this.#until((packet) => packet === probe);
  }

  /** Sends an event with an ack id and returns the ack's args. */
  async call(event, ...args) {
    const id = 9000 + (this.#probes += 1);
    await this.send(`42${id}${JSON.stringify([event, ...args])}`);
    const reply = await this.next(`the ack of ${event}`);
    assert.ok(reply.startsWith(`43${id}`), `${event} was answered ${reply}`);
    return JSON.parse(reply.slice(`43${id}`.length));
  }

  stop() {
    this.wire.stop();
  }

  async #until(wanted) {
    const before = [];
    for (;;) {
      const packet = await this.next("the echo");
      if (wanted(packet)) return before;
      before.push(packet);
    }
  }

  #received(packet) {
    if (packet === "2" && this.#answersPings) void this.send("3");
    else if (this.#greeting || !/^42(\/custom,)?\["auth",/.test(packet)) this.#inbox.push(packet);
  }

  #end(how) {
    this.#closed.resolve(how);
    this.#inbox.end(new Error(`the session is closed: ${JSON.stringify(how)}`));
  }
}

class PollingWire {
  #stopped = false;
  #posts = Promise.resolve();

  async open(server, path, query, events) {
    this.session = await Polling.open(server, { path, query: `EIO=4&transport=polling${query}` });
    void this.#polls(events);
    return this.session.open;
  }

  /** One POST at a time: two at once would be a violation. */
  send(packets) {
    const body = packets.map((packet) => (typeof packet === "string" ? packet : `b${packet.toString("base64")}`)).join(RS);
    this.#posts = this.#posts.then(() => this.session.post(body)).catch(() => {});
    return this.#posts;
  }

  stop() {
    this.#stopped = true;
    this.pending?.abort();
  }

  async #polls({ received, closed }) {
    while (!this.#stopped) {
      this.pending = this.session.poll({ ms: Infinity });
      const response = await this.pending.catch((error) => ({ error }));
      if (this.#stopped) return;
      if (response.error || response.status !== 200) {
        closed({ status: response.status, body: response.body, error: response.error?.message });
        return;
      }
      for (const packet of response.body.split(RS)) {
        if (packet === "1") {
          closed({ packet });
          return;
        }
        if (packet !== "6") received(packet.startsWith("b") ? Buffer.from(packet.slice(1), "base64") : packet);
      }
    }
  }
}

class WebSocketWire {
  async open(server, path, query, events) {
    this.client = await WebSocketClient.open(server, { path, query: `EIO=4&transport=websocket${query}` });
    const open = await this.client.packet("the open packet");
    void this.#packets(events);
    return JSON.parse(open.slice(1));
  }

  async send(packets) {
    this.client.send(...packets);
  }

  stop() {
    this.client.destroy();
  }

  async #packets({ received, closed }) {
    for (;;) {
      const packet = await this.client.packet("a packet", Infinity).catch(() => null);
      if (packet === null) {
        closed(await this.client.closed);
        return;
      }
      received(packet);
    }
  }
}
