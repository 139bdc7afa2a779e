import { request } from "./http.js";

export const RS = "\x1e";

/** An Engine.IO session over HTTP long-polling, one request at a time as the test asks. */
export class Polling {
  /** Performs the handshake. */
  static async open(server, { path = "/engine.io/", query = "EIO=4&transport=polling", headers } = {}) {
    const response = await request(server, { target: `${path}?${query}`, headers });
    if (response.status !== 200) throw new Error(`handshake refused: ${response.status} ${response.body}`);
    return new Polling(server, path, response);
  }

  constructor(server, path, response) {
    const [open, ...rest] = response.body.split(RS);
    this.server = server;
    this.path = path;
    this.handshake = response;
    this.open = JSON.parse(open.slice(1));
    this.sid = this.open.sid;
    this.rest = rest;
  }

  get target() {
    return `${this.path}?EIO=4&transport=polling&sid=${this.sid}`;
  }

  poll(options = {}) {
    return request(this.server, { target: this.target, ...options });
  }

  post(body, options = {}) {
    return request(this.server, { target: this.target, method: "POST", body, ...options });
  }
}

/** The body of an Engine.IO error. */
export const errorBody = (code) => JSON.stringify({ code, message: MESSAGES[code] });

export const MESSAGES = [
  "Transport unknown",
  "Session ID unknown",
  "Bad handshake method",
  "Bad request",
  "Forbidden",
  "Unsupported protocol version",
];
