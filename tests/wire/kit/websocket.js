import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";

import { Connection } from "./connection.js";
import { deferred, Queue } from "./queue.js";
import { within } from "./within.js";

export const Opcode = { CONTINUATION: 0, TEXT: 1, BINARY: 2, CLOSE: 8, PING: 9, PONG: 10 };

/** A WebSocket client that can send any bytes. It checks every server frame and answers nothing but a close. */
export class WebSocketClient {
  #frames = new Queue();
  #closed = deferred();
  #saidClose = false;

  /** Opens one and requires the 101. */
  static async open(server, options) {
    const { client, response } = await WebSocketClient.attempt(server, options);
    if (!client) throw new Error(`upgrade refused: ${response?.status} ${response?.body}`);
    return client;
  }

  /** Sends an upgrade request: `{ client }` after a 101, else `{ response }`. `early` leaves in the same write. */
  static async attempt(server, { path = "/engine.io/", query = "EIO=4&transport=websocket", headers = {}, early } = {}) {
    const key = randomBytes(16).toString("base64");
    const connection = await Connection.open(server);
    const head = upgradeRequest(`${path}?${query}`, { "Sec-WebSocket-Key": key, ...headers });
    connection.write(early ? Buffer.concat([Buffer.from(head), early]) : head);
    const response = await connection.response();
    if (response?.status !== 101) return { response, connection };
    const accept = createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
    assert.equal(response.headers["sec-websocket-accept"], accept);
    assert.match(response.headers.connection, /^upgrade$/i);
    assert.match(response.headers.upgrade, /^websocket$/i);
    return { client: new WebSocketClient(connection, response.headers), connection };
  }

  constructor(connection, headers) {
    this.connection = connection;
    this.headers = headers;
    this.#read().catch((error) => {
      this.connection.destroy();
      this.#end({ code: 1002, reason: `the server broke the protocol: ${error.message}` });
    });
  }

  /** `{ code, reason }` of the server's close frame (1005: empty), or 1006 once the stream has ended without one. */
  get closed() {
    return within(this.#closed.promise, "the WebSocket to close");
  }

  /** The next data, ping or pong frame: `{ opcode, payload, text }`. */
  frame(what = "a WebSocket frame", ms) {
    return this.#frames.next(what, ms);
  }

  /** The next message as an engine packet: text, or bytes. */
  async packet(what, ms) {
    const { opcode, payload, text } = await this.frame(what, ms);
    return opcode === Opcode.TEXT ? text : payload;
  }

  /** Sends each packet as one frame, all in one write. */
  send(...packets) {
    this.connection.write(Buffer.concat(packets.map(message)));
  }

  close(code) {
    this.#saidClose = true;
    this.connection.write(frame({ opcode: Opcode.CLOSE, payload: closePayload(code) }));
  }

  destroy(options) {
    this.connection.destroy(options);
  }

  async #read() {
    for (;;) {
      const head = await this.connection.read(2, Infinity);
      if (!head) break;
      assert.equal(head[0] & 0xf0, 0x80, "server frames are whole and have no reserved bit");
      assert.equal(head[1] & 0x80, 0, "server frames are not masked");
      const opcode = head[0] & 0x0f;
      let length = head[1] & 0x7f;
      if (length === 126) length = (await this.connection.read(2)).readUInt16BE();
      else if (length === 127) length = Number((await this.connection.read(8)).readBigUInt64BE());
      const payload = length > 0 ? await this.connection.read(length) : Buffer.alloc(0);
      if (!payload) break;
      if (opcode === Opcode.CLOSE) {
        this.#end({ code: length >= 2 ? payload.readUInt16BE() : 1005, reason: String(payload.subarray(2)) });
        if (!this.#saidClose) this.connection.write(frame({ opcode, payload }));
      } else {
        this.#frames.push({ opcode, payload, text: opcode === Opcode.TEXT ? String(payload) : undefined });
      }
    }
    this.connection.destroy();
    this.#end({ code: 1006, reason: "" });
  }

  #end(how) {
    this.#closed.resolve(how);
    this.#frames.end(new Error(`the WebSocket closed with ${how.code}`));
  }
}

/** The request line and headers of an upgrade; a header given as `undefined` is left out. */
export function upgradeRequest(target, headers) {
  const all = {
    Host: "127.0.0.1",
    Connection: "Upgrade",
    Upgrade: "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
    ...headers,
  };
  const lines = Object.entries(all).flatMap(([name, value]) => (value === undefined ? [] : `${name}: ${value}\r\n`));
  return `GET ${target} HTTP/1.1\r\n${lines.join("")}\r\n`;
}

/** The frame of a whole message, text or bytes. */
export const message = (data) => frame({ opcode: typeof data === "string" ? Opcode.TEXT : Opcode.BINARY, payload: data });

/** One client frame. `length` overrides what the header says, `first` the whole first byte. */
export function frame({ opcode = Opcode.TEXT, payload = "", fin = true, masked = true, rsv = 0, first, length } = {}) {
  const bytes = Buffer.from(payload);
  const declared = BigInt(length ?? bytes.length);
  const short = declared < 126n ? Number(declared) : declared < 65_536n ? 126 : 127;
  const extended = Buffer.alloc(short === 126 ? 2 : short === 127 ? 8 : 0);
  if (short === 126) extended.writeUInt16BE(Number(declared));
  if (short === 127) extended.writeBigUInt64BE(declared);
  const head = Buffer.from([first ?? (fin ? 0x80 : 0) | (rsv << 4) | opcode, (masked ? 0x80 : 0) | short]);
  if (!masked) return Buffer.concat([head, extended, bytes]);
  const mask = randomBytes(4);
  return Buffer.concat([head, extended, mask, bytes.map((byte, index) => byte ^ mask[index & 3])]);
}

export function closePayload(code) {
  if (code === undefined) return Buffer.alloc(0);
  const payload = Buffer.alloc(2);
  payload.writeUInt16BE(code);
  return payload;
}
