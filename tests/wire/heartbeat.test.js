// Who pings, when, and what keeps a session alive. The server's timers are 300 and 200 ms here.
import assert from "node:assert/strict";
import { test } from "node:test";

import { Peer, TRANSPORTS } from "./kit/peer.js";
import { errorBody, Polling } from "./kit/polling.js";
import { serverFor, sockeyeOnly } from "./kit/suite.js";
import { WebSocketClient } from "./kit/websocket.js";

const server = serverFor("conformance");
const INTERVAL = 300;
const TIMEOUT = 200;
// Timers may be late on a busy machine, and must not be early: this much is the rounding of clocks.
const EARLY = 10;

const engine = (transport) => Peer.open(server, transport, { path: "/engine.io/", pong: false });

/** Resolves when a session that answers no ping, opened now, has been closed: at least 500 ms from now. */
async function oneTimeoutLater() {
  const clock = await engine("websocket");
  await clock.closed;
}

for (const transport of TRANSPORTS) {
  test(`the first ping over ${transport} comes after the interval, not at once`, async () => {
    const start = performance.now();
    const peer = await engine(transport);

    await peer.expect("2");

    assert.ok(performance.now() - start >= INTERVAL - EARLY);
    peer.stop();
  });

  test(`the next ping over ${transport} comes an interval after the pong`, async () => {
    const peer = await engine(transport);
    await peer.expect("2");
    const start = performance.now();
    await peer.send("3");

    await peer.expect("2");

    assert.ok(performance.now() - start >= INTERVAL - EARLY);
    peer.stop();
  });

  test(`messages over ${transport} are no pongs`, async () => {
    const peer = await engine(transport);
    const start = performance.now();

    let pings = 0;
    for (let round = 0; ; round += 1) {
      const answered = await peer.echoed().catch(() => null);
      if (answered === null) break;
      pings += answered.filter((packet) => packet === "2").length;
    }

    assert.equal(pings, 1, "without a pong there is no second ping");
    assert.ok(performance.now() - start >= INTERVAL + TIMEOUT - EARLY);
    await peer.closed;
  });

  test(`pongs that nobody asked for bring no more pings over ${transport}`, async () => {
    const peer = await engine(transport);
    await peer.send(...Array(1000).fill("3"));
    await peer.expect("2");
    const start = performance.now();
    await peer.send("3");

    await peer.expect("2");

    assert.ok(performance.now() - start >= INTERVAL - EARLY);
    assert.deepEqual(await peer.echoed(), []);
    peer.stop();
  });

  test(`a ping timeout over ${transport} is told to the application`, async () => {
    const observer = await Peer.join(server, "websocket");
    const peer = await Peer.join(server, transport, { pong: false });

    await peer.closed;

    const [reasons] = await observer.call("reasons");
    assert.equal(reasons.find(({ id }) => id === peer.id)?.reason, "ping timeout");
    observer.stop();
  });

  test(`a socket in no namespace any more stays over ${transport}`, async () => {
    const peer = await Peer.join(server, transport, { pong: false });
    await peer.send("41");

    // Five intervals are longer than the connect timeout.
    for (let round = 0; round < 5; round += 1) {
      await peer.expect("2");
      await peer.send("3");
    }

    await peer.enter();
    peer.stop();
  });

  test(`a refused namespace does not stop the connect timeout over ${transport}`, async () => {
    const start = performance.now();
    const peer = await Peer.open(server, transport);
    await peer.send("40/nope,");
    await peer.expect('44/nope,{"message":"Invalid namespace"}');

    await peer.closed;

    assert.ok(performance.now() - start >= 1000 - EARLY);
  });
}

test("a ping timeout closes a WebSocket with an empty close frame", async () => {
  const peer = await engine("websocket");

  assert.equal((await peer.closed).code, 1005);
});

test("a session that never polls is closed too", async () => {
  const session = await Polling.open(server);

  await oneTimeoutLater();

  const response = await session.poll();
  assert.deepEqual([response.status, response.body], [400, errorBody(1)]);
});

sockeyeOnly("a ping that is in flight during the upgrade still wants its pong", "Node forgets the session", async () => {
  const session = await Polling.open(server);
  assert.equal((await session.poll()).body, "2");
  const client = await WebSocketClient.open(server, { query: `EIO=4&transport=websocket&sid=${session.sid}` });

  client.send("2probe", "5");

  assert.equal(await client.packet(), "3probe");
  await client.closed;
});

test("an upgraded session is pinged over its WebSocket", async () => {
  const session = await Polling.open(server);
  const client = await WebSocketClient.open(server, { query: `EIO=4&transport=websocket&sid=${session.sid}` });
  client.send("2probe", "5");
  assert.equal(await client.packet(), "3probe");

  for (let round = 0; round < 3; round += 1) {
    assert.equal(await client.packet(), "2");
    client.send("3");
  }
  client.destroy();
});
