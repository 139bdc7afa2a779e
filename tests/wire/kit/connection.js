import { connect } from "node:net";

import { deferred } from "./queue.js";
import { within } from "./within.js";

/** One TCP stream to the server, written and read by the byte, with an HTTP/1.1 response reader on top. */
export class Connection {
  #socket;
  #buffer = Buffer.alloc(0);
  #wake = deferred();
  #over = deferred();
  #ended = false;

  static async open(server) {
    const socket = connect({ port: server.port, host: "127.0.0.1", noDelay: true });
    const connected = deferred();
    socket.once("connect", connected.resolve).once("error", connected.reject);
    await within(connected.promise, "a TCP connection");
    return new Connection(socket);
  }

  constructor(socket) {
    this.#socket = socket;
    socket.on("data", (bytes) => {
      this.#buffer = Buffer.concat([this.#buffer, bytes]);
      this.#signal();
    });
    const end = () => {
      this.#ended = true;
      this.#over.resolve();
      this.#signal();
    };
    socket.on("end", end).on("close", end).on("error", end);
  }

  /** Resolves when the server has ended its side of the stream, cleanly or not. */
  get ended() {
    return within(this.#over.promise, "the server to close the connection");
  }

  /** Writes everything at once, so that it leaves in as few segments as possible. */
  write(data) {
    if (!this.#socket.destroyed) this.#socket.write(data);
    return this;
  }

  /** Reads no more, so that what the server writes piles up on its side. */
  pause() {
    this.#socket.pause();
  }

  /** Drops the stream without a goodbye; with `reset` the peer sees RST instead of FIN. */
  destroy({ reset = false } = {}) {
    if (reset) this.#socket.resetAndDestroy();
    else this.#socket.destroy();
  }

  /** Reads exactly `count` bytes; `null` if the stream ends before. */
  async read(count, ms) {
    while (this.#buffer.length < count) {
      if (this.#ended) return null;
      await within(this.#wake.promise, `${count} bytes`, ms);
    }
    const bytes = this.#buffer.subarray(0, count);
    this.#buffer = this.#buffer.subarray(count);
    return bytes;
  }

  /** Reads one response, `null` if the stream ends first: `{ status, headers, body }`, header names in lower case. */
  async response(method = "GET") {
    const head = await this.head();
    if (!head) return null;
    const { headers, status } = head;
    let body = Buffer.alloc(0);
    if (method !== "HEAD" && status !== 204 && status !== 304 && status !== 101) {
      if (headers["transfer-encoding"] === "chunked") body = await this.#chunks();
      else if (headers["content-length"] !== undefined) body = await this.read(Number(headers["content-length"]));
      else body = await this.#rest();
    }
    return { ...head, body: String(body) };
  }

  /** Reads a response head. */
  async head() {
    const text = await this.#line("\r\n\r\n");
    if (text === null) return null;
    const [first, ...lines] = text.split("\r\n");
    const headers = {};
    for (const line of lines) {
      const colon = line.indexOf(":");
      const name = line.slice(0, colon).toLowerCase();
      const value = line.slice(colon + 1).trim();
      headers[name] = name in headers ? `${headers[name]}, ${value}` : value;
    }
    return { status: Number(first.split(" ")[1]), headers };
  }

  async #line(terminator) {
    for (;;) {
      const at = this.#buffer.indexOf(terminator);
      if (at >= 0) return String(await this.read(at + terminator.length)).slice(0, at);
      if (this.#ended) return null;
      await within(this.#wake.promise, "a response");
    }
  }

  async #chunks() {
    const parts = [];
    for (;;) {
      const size = Number.parseInt(await this.#line("\r\n"), 16);
      const data = await this.read(size + 2);
      if (size === 0) return Buffer.concat(parts);
      parts.push(data.subarray(0, size));
    }
  }

  async #rest() {
    await this.ended;
    return this.read(this.#buffer.length);
  }

  #signal() {
    this.#wake.resolve();
    this.#wake = deferred();
  }
}
