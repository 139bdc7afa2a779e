// Response headers: content types, caching, CORS with `*` and without.
import assert from "node:assert/strict";
import { test } from "node:test";

import { request } from "./kit/http.js";
import { Polling } from "./kit/polling.js";
import { serverFor } from "./kit/suite.js";
import { WebSocketClient } from "./kit/websocket.js";
import { expected } from "./servers.js";

const open = serverFor("conformance");
const closed = serverFor("wire");
const FOREIGN = { Origin: "http://evil.test" };
const cors = (headers) => Object.keys(headers).filter((name) => name.startsWith("access-control-"));

/** One response of each kind, sent with a foreign Origin. */
async function responses(server) {
  const session = await Polling.open(server, { headers: FOREIGN });
  const post = await session.post("4hello", { headers: FOREIGN });
  const poll = await session.poll({ headers: FOREIGN });
  const refusal = await request(server, { target: "/engine.io/?EIO=3&transport=polling", headers: FOREIGN });
  const { client } = await WebSocketClient.attempt(server, { headers: FOREIGN });
  client.destroy();
  return { handshake: session.handshake, post, poll, refusal, upgrade: { status: 101, headers: client.headers } };
}

test("each kind of response has its content type, length and caching", async () => {
  const { handshake, post, poll, refusal } = await responses(closed);

  for (const { headers, body } of [handshake, poll]) {
    assert.equal(headers["content-type"], "text/plain; charset=UTF-8");
    assert.equal(headers["content-length"], String(Buffer.byteLength(body)));
    assert.equal(headers["cache-control"], "no-store");
  }
  assert.equal(post.headers["content-type"], "text/html");
  assert.equal(post.headers["content-length"], "2");
  assert.equal(post.headers["cache-control"], "no-store");
  assert.equal(refusal.headers["content-type"], "application/json");
  assert.equal(refusal.headers["cache-control"], undefined);
});

test("without CORS settings no response has a CORS header", async () => {
  for (const [kind, { headers }] of Object.entries(await responses(closed))) {
    assert.deepEqual(cors(headers), [], kind);
  }
});

test("with origin * every response says so, without Vary", async () => {
  for (const [kind, { headers }] of Object.entries(await responses(open))) {
    assert.equal(headers["access-control-allow-origin"], "*", kind);
    assert.equal(headers.vary, undefined, kind);
    assert.deepEqual(cors(headers), ["access-control-allow-origin"], kind);
  }
});

test("a request without Origin gets the same with origin *", async () => {
  const { handshake } = await Polling.open(open);

  assert.equal(handshake.headers["access-control-allow-origin"], "*");
});

for (const target of [
  "/engine.io/?EIO=4&transport=polling",
  "/engine.io/?EIO=4&transport=polling&sid=nobody",
  "/engine.io/",
  "/engine.io/any/where?EIO=3",
]) {
  test(`a preflight of ${target} is answered before every check`, async () => {
    const response = await request(open, {
      method: "OPTIONS",
      target,
      headers: { ...FOREIGN, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "x-one,x-two" },
    });

    assert.deepEqual([response.status, response.body], [204, ""]);
    assert.equal(response.headers["access-control-allow-origin"], "*");
    assert.equal(response.headers["access-control-allow-methods"], "GET,HEAD,PUT,PATCH,POST,DELETE");
    assert.equal(response.headers["access-control-allow-headers"], "x-one,x-two");
    assert.equal(response.headers.vary.toLowerCase(), "access-control-request-headers");
    // RFC 9110 wants no length on a 204; Node sends one for the sake of old Safari.
    assert.ok([undefined, "0"].includes(response.headers["content-length"]));
  });
}

test("a preflight asks nothing of a session", async () => {
  const session = await Polling.open(open);

  const response = await request(open, { method: "OPTIONS", target: session.target });
  await session.post("4hello");

  assert.equal(response.status, 204);
  assert.equal((await session.poll()).body, "4hello");
});

test("no cookie is set", async () => {
  const { handshake } = await Polling.open(closed);

  assert.equal(handshake.headers["set-cookie"], undefined);
});

test("a large poll is not compressed unless configured", async () => {
  const session = await Polling.open(closed);
  await session.post(`4${"x".repeat(5000)}`);

  const { headers } = await session.poll({ headers: { "Accept-Encoding": "gzip, deflate" } });

  assert.equal(headers["content-encoding"], expected({ sockeye: undefined, node: "gzip" }));
});

test("a small poll is not compressed", async () => {
  const session = await Polling.open(closed, { headers: { "Accept-Encoding": "gzip, deflate" } });

  assert.equal(session.handshake.headers["content-encoding"], undefined);
});

test("the client's files are not served unless configured", async () => {
  const response = await request(closed, { target: "/socket.io/socket.io.js" });

  assert.equal(response.status, expected({ sockeye: 400, node: 200 }));
});
