// The titles of the Socket.IO protocol suite, told again without its races. Those of its Engine.IO half run on the
// Socket.IO path here.
import assert from "node:assert/strict";
import { test } from "node:test";

import { request } from "./kit/http.js";
import { Peer, TRANSPORTS } from "./kit/peer.js";
import { errorBody, Polling } from "./kit/polling.js";
import { roundTrips, serverFor } from "./kit/suite.js";
import { WebSocketClient } from "./kit/websocket.js";

// Short timers only where the title is about them.
const quick = serverFor("conformance");
const server = serverFor("wire");
const path = "/socket.io/";
const handshake = (query, options) => request(server, { target: `${path}?${query}`, ...options });

test("handshake over polling opens a session", async () => {
  const { open } = await Polling.open(server, { path });

  assert.deepEqual(Object.keys(open), ["sid", "upgrades", "pingInterval", "pingTimeout", "maxPayload"]);
  assert.deepEqual(open.upgrades, ["websocket"]);
});

for (const [title, query, code, method] of [
  ["an invalid EIO", "EIO=abc&transport=polling", 5],
  ["an invalid transport", "EIO=4&transport=abc", 0],
  ["an invalid method", "EIO=4&transport=polling", 2, "POST"],
]) {
  test(`handshake over polling fails with ${title}`, async () => {
    const response = await handshake(query, { method });

    assert.deepEqual([response.status, response.body], [400, errorBody(code)]);
  });
}

test("handshake over WebSocket opens a session", async () => {
  const peer = await Peer.open(server, "websocket");

  assert.deepEqual(peer.open.upgrades, []);
  peer.stop();
});

for (const query of ["EIO=abc&transport=websocket", "EIO=4&transport=abc"]) {
  test(`handshake over WebSocket fails with ?${query}`, async () => {
    const { client } = await WebSocketClient.attempt(server, { path, query });

    // The Node packages answer 101 before they refuse a wrong revision.
    if (client) await client.closed;
  });
}

for (const transport of TRANSPORTS) {
  test(`${transport} pings and waits for the pong, three times`, async () => {
    const peer = await Peer.join(quick, transport, { pong: false });

    for (let round = 0; round < 3; round += 1) {
      await peer.expect("2");
      await peer.send("3");
    }
    peer.stop();
  });

  test(`${transport} closes upon ping timeout`, async () => {
    const peer = await Peer.join(quick, transport, { pong: false });

    await peer.expect("2");

    await peer.closed;
  });
}

test("polling closes upon a close packet", async () => {
  const session = await Polling.open(server, { path });
  const pending = session.poll();
  await roundTrips(server);

  await session.post("1");

  assert.equal((await pending).body, "6");
  assert.equal((await session.poll()).body, errorBody(1));
});

test("WebSocket closes after a close packet", async () => {
  const peer = await Peer.open(quick, "websocket");

  await peer.send("1");

  // Node ignores it, and closes for want of a CONNECT.
  await peer.closed;
});

async function upgraded() {
  const session = await Polling.open(server, { path });
  const query = `EIO=4&transport=websocket&sid=${session.sid}`;
  const client = await WebSocketClient.open(server, { path, query });
  client.send("2probe");
  assert.equal(await client.packet(), "3probe");
  client.send("5", "40");
  assert.match(await client.packet(), /^40{"sid":/);
  return { session, client, query };
}

test("a session upgrades from polling to WebSocket", async () => {
  const { client } = await upgraded();
  client.destroy();
});

test("an upgraded session ignores HTTP requests with its sid", async () => {
  const { session, client } = await upgraded();

  assert.equal((await session.poll()).status, 400);
  client.destroy();
});

test("an upgraded session ignores a second WebSocket with its sid", async () => {
  const { client, query } = await upgraded();

  const second = await WebSocketClient.attempt(server, { path, query });

  if (second.client) await second.client.closed;
  else assert.equal(second.response.status, 400);
  client.destroy();
});

for (const transport of TRANSPORTS) {
  for (const [title, namespace, prefix] of [["main", "/", ""], ["custom", "/custom", "/custom,"]]) {
    test(`connect over ${transport}: the ${title} namespace`, async () => {
      const peer = await Peer.open(server, transport, { greeting: true });

      await peer.send(`40${prefix}`);

      const reply = await peer.next();
      assert.ok(reply.startsWith(`40${prefix}{`), reply);
      assert.deepEqual(Object.keys(JSON.parse(reply.slice(2 + prefix.length))), ["sid"]);
      await peer.expect(`42${prefix}["auth",{}]`);
      peer.stop();
    });

    test(`connect over ${transport}: the ${title} namespace with a payload`, async () => {
      const peer = await Peer.open(server, transport, { greeting: true });

      await peer.enter(namespace, { token: "123" });

      await peer.expect(`42${prefix}["auth",{"token":"123"}]`);
      peer.stop();
    });
  }

  test(`connect over ${transport}: an unknown namespace is refused`, async () => {
    const peer = await Peer.open(server, transport);

    await peer.send("40/random");

    await peer.expect('44/random,{"message":"Invalid namespace"}');
    peer.stop();
  });

  test(`connect over ${transport}: an invalid handshake closes`, async () => {
    const peer = await Peer.open(server, transport);

    await peer.send("4abc");

    await peer.closed;
  });

  test(`connect over ${transport}: a session that never connects is closed`, async () => {
    const peer = await Peer.open(quick, transport);

    // Pings are answered, so only the connect timeout can be what ends it.
    await peer.closed;
  });

  test(`disconnect over ${transport}: from the main namespace`, async () => {
    const peer = await Peer.join(quick, transport, { pong: false });

    await peer.send("41");

    await peer.expect("2");
    peer.stop();
  });

  test(`disconnect over ${transport}: connect, then disconnect from a custom namespace`, async () => {
    const peer = await Peer.join(server, transport);
    await peer.enter("/custom");

    await peer.send("41/custom");

    await peer.send('42["message","message to main namespace"]');
    await peer.expect('42["message-back","message to main namespace"]');
    peer.stop();
  });

  test(`message over ${transport}: plain text`, async () => {
    const peer = await Peer.join(server, transport);

    await peer.send('42["message",1,"2",{"3":[true]}]');

    await peer.expect('42["message-back",1,"2",{"3":[true]}]');
    peer.stop();
  });

  test(`message over ${transport}: binary`, async () => {
    const peer = await Peer.join(server, transport);
    const rest = '{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]';

    await peer.send(`452-["message",${rest}`, Buffer.from([1, 2, 3]), Buffer.from([4, 5, 6]));

    await peer.expect(`452-["message-back",${rest}`, Buffer.from([1, 2, 3]), Buffer.from([4, 5, 6]));
    peer.stop();
  });

  test(`message over ${transport}: with an ack`, async () => {
    const peer = await Peer.join(server, transport);

    await peer.send('42456["message-with-ack",1,"2",{"3":[false]}]');

    await peer.expect('43456[1,"2",{"3":[false]}]');
    peer.stop();
  });

  test(`message over ${transport}: binary with an ack`, async () => {
    const peer = await Peer.join(server, transport);
    const rest = '{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]';

    await peer.send(`452-789["message-with-ack",${rest}`, Buffer.from([1, 2, 3]), Buffer.from([4, 5, 6]));

    await peer.expect(`462-789[${rest}`, Buffer.from([1, 2, 3]), Buffer.from([4, 5, 6]));
    peer.stop();
  });

  for (const [title, packet] of [
    ["format: unknown packet type", "4abc"],
    ["payload format", "42{}"],
    ["ack id format", '42abc["message-with-ack",1,"2",{"3":[false]}]'],
  ]) {
    test(`message over ${transport}: an invalid ${title} closes`, async () => {
      const peer = await Peer.join(server, transport);

      await peer.send(packet);

      await peer.closed;
    });
  }
}
