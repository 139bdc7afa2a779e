// The titles of the Engine.IO protocol suite, told again without its races.
import assert from "node:assert/strict";
import { test } from "node:test";

import { request } from "./kit/http.js";
import { Peer } from "./kit/peer.js";
import { errorBody, Polling, RS } from "./kit/polling.js";
import { roundTrips, serverFor } from "./kit/suite.js";
import { WebSocketClient } from "./kit/websocket.js";

// Short timers only where the title is about them.
const quick = serverFor("conformance");
const server = serverFor("wire");
const handshake = (query, options) => request(server, { target: `/engine.io/?${query}`, ...options });

function assertOpen({ sid, ...rest }, upgrades) {
  assert.match(sid, /^[\w-]{20,}$/);
  assert.deepEqual(rest, { upgrades, pingInterval: 25_000, pingTimeout: 20_000, maxPayload: 1_000_000 });
}

test("handshake over polling opens a session", async () => {
  const response = await handshake("EIO=4&transport=polling");

  assert.equal(response.status, 200);
  assert.equal(response.body[0], "0");
  assertOpen(JSON.parse(response.body.slice(1)), ["websocket"]);
});

for (const [query, code] of [
  ["transport=polling", 5],
  ["EIO=abc&transport=polling", 5],
  ["EIO=4", 0],
  ["EIO=4&transport=abc", 0],
]) {
  test(`handshake over polling fails with ?${query}`, async () => {
    const response = await handshake(query);

    assert.equal(response.status, 400);
    assert.equal(response.body, errorBody(code));
  });
}

for (const method of ["POST", "PUT"]) {
  test(`handshake over polling fails with ${method}`, async () => {
    const response = await handshake("EIO=4&transport=polling", { method });

    assert.equal(response.status, 400);
    assert.equal(response.body, errorBody(2));
  });
}

test("handshake over WebSocket opens a session", async () => {
  const client = await WebSocketClient.open(server);

  const open = await client.packet();

  assertOpen(JSON.parse(open.slice(1)), []);
  client.destroy();
});

for (const query of ["transport=websocket", "EIO=abc&transport=websocket", "EIO=4", "EIO=4&transport=abc"]) {
  test(`handshake over WebSocket fails with ?${query}`, async () => {
    const { client } = await WebSocketClient.attempt(server, { query });

    // The Node packages answer 101 before they refuse a wrong revision.
    if (client) await client.closed;
  });
}

test("polling carries one plain packet", async () => {
  const session = await Polling.open(server);

  const posted = await session.post("4hello");
  const polled = await session.poll();

  assert.deepEqual([posted.status, posted.body], [200, "ok"]);
  assert.deepEqual([polled.status, polled.body], [200, "4hello"]);
});

test("polling carries several plain packets in one payload", async () => {
  const session = await Polling.open(server);

  await session.post(["4test1", "4test2", "4test3"].join(RS));

  assert.equal((await session.poll()).body, ["4test1", "4test2", "4test3"].join(RS));
});

test("polling carries plain and binary packets", async () => {
  const session = await Polling.open(server);

  await session.post(["4hello", "bAQIDBA=="].join(RS));

  assert.equal((await session.poll()).body, ["4hello", "bAQIDBA=="].join(RS));
});

test("polling closes the session upon an invalid packet format", async () => {
  const session = await Polling.open(server);

  await session.post("abc");

  assert.equal((await session.poll()).status, 400);
});

test("polling closes the session upon duplicate poll requests", async () => {
  const session = await Polling.open(server);

  const polls = await Promise.all([session.poll(), session.poll()]);

  const sorted = polls.sort((one, other) => one.status - other.status).map(({ status, body }) => [status, body]);
  assert.deepEqual(sorted, [[200, "1"], [400, ""]]);
  assert.equal((await session.poll()).body, errorBody(1));
});

for (const [kind, data] of [["text", "4hello"], ["binary", Buffer.from([1, 2, 3, 4])]]) {
  test(`WebSocket carries ${kind}`, async () => {
    const peer = await Peer.open(server, "websocket", { path: "/engine.io/" });

    await peer.send(data);

    await peer.expect(data);
    peer.stop();
  });
}

test("WebSocket closes the session upon an invalid packet format", async () => {
  const peer = await Peer.open(server, "websocket", { path: "/engine.io/" });

  await peer.send("abc");

  await peer.closed;
});

test("polling pings and waits for the pong, three times", async () => {
  const session = await Polling.open(quick);

  for (let round = 0; round < 3; round += 1) {
    assert.equal((await session.poll()).body, "2");
    await session.post("3");
  }
});

test("polling closes the session upon ping timeout", async () => {
  const session = await Polling.open(quick);

  const bodies = [(await session.poll()).body, (await session.poll()).body];

  assert.deepEqual(bodies, ["2", "1"]);
  assert.equal((await session.poll()).body, errorBody(1));
});

test("WebSocket pings and waits for the pong, three times", async () => {
  const peer = await Peer.open(quick, "websocket", { path: "/engine.io/", pong: false });

  for (let round = 0; round < 3; round += 1) {
    await peer.expect("2");
    await peer.send("3");
  }
  peer.stop();
});

test("WebSocket closes upon ping timeout", async () => {
  const peer = await Peer.open(quick, "websocket", { path: "/engine.io/", pong: false });

  await peer.expect("2");

  await peer.closed;
});

test("polling closes upon a close packet and answers the pending poll with a noop", async () => {
  const session = await Polling.open(server);
  const pending = session.poll();
  await roundTrips(server);

  const posted = await session.post("1");

  assert.equal(posted.body, "ok");
  assert.deepEqual([(await pending).status, (await pending).body], [200, "6"]);
  assert.equal((await session.poll()).body, errorBody(1));
});

test("WebSocket closes after a close packet", async () => {
  const peer = await Peer.open(quick, "websocket", { path: "/engine.io/", pong: false });

  await peer.send("1");

  // Node ignores it and closes at the ping timeout, so a ping may come before.
  await peer.closed;
});

test("a session upgrades from polling to WebSocket", async () => {
  const session = await Polling.open(server);
  const client = await WebSocketClient.open(server, { query: `EIO=4&transport=websocket&sid=${session.sid}` });

  client.send("2probe");
  assert.equal(await client.packet(), "3probe");
  const flushed = await session.poll();
  client.send("5", "4hello");

  assert.deepEqual([flushed.status, flushed.body], [200, "6"]);
  assert.equal(await client.packet(), "4hello");
  client.destroy();
});

test("an upgraded session ignores HTTP requests with its sid", async () => {
  const session = await Polling.open(server);
  const client = await WebSocketClient.open(server, { query: `EIO=4&transport=websocket&sid=${session.sid}` });
  client.send("2probe", "5", "4done");
  assert.equal(await client.packet(), "3probe");
  assert.equal(await client.packet(), "4done");

  const polled = await session.poll();

  assert.equal(polled.status, 400);
  client.send("4hello");
  assert.equal(await client.packet(), "4hello");
  client.destroy();
});

test("an upgraded session ignores a second WebSocket with its sid", async () => {
  const session = await Polling.open(server);
  const query = `EIO=4&transport=websocket&sid=${session.sid}`;
  const client = await WebSocketClient.open(server, { query });
  client.send("2probe", "5", "4done");
  assert.equal(await client.packet(), "3probe");
  assert.equal(await client.packet(), "4done");

  const second = await WebSocketClient.attempt(server, { query });

  if (second.client) await second.client.closed;
  else assert.equal(second.response.status, 400);
  client.send("4hello");
  assert.equal(await client.packet(), "4hello");
  client.destroy();
});
