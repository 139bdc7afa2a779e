import { Agent, request as send } from "node:http";

import { deferred } from "./queue.js";
import { within } from "./within.js";

const agent = new Agent({ keepAlive: true, maxSockets: 64 });

/**
 * One HTTP request: `{ status, headers, body }` where `body` is text. The promise has `abort()`, which drops the connection.
 */
export function request(server, { method = "GET", target, headers = {}, body, ms } = {}) {
  const answer = deferred();
  const length = body === undefined ? {} : { "Content-Length": Buffer.byteLength(body) };
  const outgoing = send(
    { agent, host: "127.0.0.1", port: server.port, method, path: target, headers: { ...length, ...headers } },
    (incoming) => {
      const parts = [];
      incoming.on("data", (part) => parts.push(part));
      incoming.on("error", answer.reject);
      incoming.on("end", () => {
        answer.resolve({ status: incoming.statusCode, headers: incoming.headers, body: String(Buffer.concat(parts)) });
      });
    },
  );
  outgoing.on("error", answer.reject);
  outgoing.end(body);
  const promise = within(answer.promise, `the answer to ${method} ${target}`, ms);
  promise.abort = () => outgoing.destroy();
  return promise;
}

/** Ends the kept-alive connections, so that the test process can. */
export const hangUp = () => agent.destroy();
